import Formatting

/// Text in lines that fit a terminal: broken between words, with its colours.
enum WrappedText {
    struct Piece {
        var text: String
        /// Whether it stays on one line if a line has room for it.
        var isWhole = false
        var paint: (String) -> String = { $0 }
    }

    /// - Parameters:
    ///   - columns: nil for a single line.
    ///   - indent: blanks before every line.
    ///   - hanging: further ones before all but the first.
    static func text(_ pieces: [Piece], columns: Int?, indent: Int = 2, hanging: Int = 2) -> String {
        guard let columns, columns > indent + hanging + 8 else {
            return String(repeating: " ", count: indent) + pieces.map { $0.paint($0.text) }.joined()
        }
        var line = Line(start: String(repeating: " ", count: indent), columns: columns)
        for word in words(pieces) {
            let width = word.reduce(0) { $0 + TextWidth.columns($1.text) }
            if width > line.room, !line.isEmpty { line.break(hanging: indent + hanging) }
            for piece in word { line.add(piece, hanging: indent + hanging) }
        }
        return line.result
    }

    /// Parts between which a line may be broken: each begins with its blank.
    private static func words(_ pieces: [Piece]) -> [[Piece]] {
        var words: [[Piece]] = [[]]
        for piece in pieces {
            if piece.isWhole {
                if piece.text.hasPrefix(" ") || piece.text.hasPrefix("[ ") { words.append([]) }
                words[words.count - 1].append(piece)
                continue
            }
            var rest = Substring(piece.text)
            while !rest.isEmpty {
                if rest.first == " " { words.append([]) }
                let end = rest.dropFirst().firstIndex(of: " ") ?? rest.endIndex
                words[words.count - 1].append(Piece(text: String(rest[..<end]), paint: piece.paint))
                rest = rest[end...]
            }
        }
        return words
    }

    private struct Line {
        private(set) var result: String
        private let columns: Int
        private var used: Int
        private(set) var isEmpty = true

        init(start: String, columns: Int) {
            result = start
            used = start.count
            // The last column stays free: some terminals wrap as soon as it is written.
            self.columns = columns - 1
        }

        var room: Int { columns - used }

        mutating func `break`(hanging: Int) {
            result += "\n" + String(repeating: " ", count: hanging)
            used = hanging
            isEmpty = true
        }

        /// What is longer than a line is broken wherever it ends.
        mutating func add(_ piece: Piece, hanging: Int) {
            var rest = Substring(isEmpty ? String(piece.text.drop { $0 == " " }) : piece.text)
            while !rest.isEmpty {
                let part = TextWidth.cut(String(rest), to: room)
                if part.isEmpty, isEmpty { return }
                if !part.isEmpty {
                    result += piece.paint(part)
                    used += TextWidth.columns(part)
                    isEmpty = false
                }
                rest = rest.dropFirst(part.count)
                if !rest.isEmpty { self.break(hanging: hanging) }
            }
        }
    }
}
