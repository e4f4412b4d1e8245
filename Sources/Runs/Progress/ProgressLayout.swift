import Formatting

/// What of a progress line fits a terminal, and in which words.
struct ProgressLayout: Equatable {
    /// The parts that are shown, in their order.
    var texts: [String]
    /// Columns of the bar behind the first part, its ends included; nil for none.
    var barColumns: Int?

    private static let gap = 2
    private static let bar = 10...32

    /// As many fields as there is room for in their briefest words, the first ones first; then a short bar, fuller words, and
    /// a longer bar.
    ///
    /// - Parameters:
    ///   - fields: from the most to the least important.
    ///   - hasBar: whether a bar says anything.
    ///   - columns: that may be used.
    init(_ fields: [ProgressField], hasBar: Bool, columns: Int) {
        guard let first = fields.first, !first.wordings.isEmpty else {
            texts = []
            return
        }
        // The first field is said as briefly as it takes for the two behind it to be there too.
        let attempts = first.wordings.indices.dropFirst(first.wordings.count > 1 ? 1 : 0).map { wording in
            Self.fitting([ProgressField(first.wordings[wording])] + fields.dropFirst(), columns: columns)
        }
        var (chosen, room) =
            attempts.first { $0.chosen.count >= min(3, fields.count) } ?? attempts.last { !$0.chosen.isEmpty } ?? (
                [], 0
            )
        guard !chosen.isEmpty else {
            texts = [TextWidth.cut(first.wordings.last ?? "", to: max(1, columns))]
            return
        }
        if TextWidth.columns(first.fullest) - chosen[0].field.width(0) <= room {
            room -= TextWidth.columns(first.fullest) - chosen[0].field.width(0)
            chosen[0].field = ProgressField(first.fullest)
        }
        if hasBar, room >= Self.bar.lowerBound + Self.gap {
            barColumns = Self.bar.lowerBound
            room -= Self.bar.lowerBound + Self.gap
        }
        for index in chosen.indices {
            let (field, wording) = chosen[index]
            let fuller = field.wordings.indices.first { field.width($0) - field.width(wording) <= room } ?? wording
            room -= field.width(fuller) - field.width(wording)
            chosen[index].wording = fuller
        }
        texts = chosen.map { $0.field.wordings[$0.wording] }
        barColumns = barColumns.map { min($0 + room, Self.bar.upperBound) }
    }

    /// The fields that have room, in their briefest words, and the columns that are left; the first one or none.
    private static func fitting(
        _ fields: [ProgressField], columns: Int
    ) -> (chosen: [(field: ProgressField, wording: Int)], room: Int) {
        var room = columns
        var chosen: [(field: ProgressField, wording: Int)] = []
        for (index, field) in fields.enumerated() {
            guard let brief = field.wordings.indices.min(by: { field.width($0) < field.width($1) }) else { continue }
            let needed = field.width(brief) + (chosen.isEmpty ? 0 : gap)
            if needed <= room {
                chosen.append((field, brief))
                room -= needed
            } else if index == 0 {
                return ([], 0)
            }
        }
        return (chosen, room)
    }
}

extension ProgressField {
    fileprivate func width(_ wording: Int) -> Int { TextWidth.columns(wordings[wording]) }
}

/// The bar of a progress line.
enum ProgressBar {
    private static let eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

    /// - Parameters:
    ///   - fraction: from 0 to 1.
    ///   - columns: its ends included, at least 3.
    ///   - blocks: whether the terminal shows block elements; ASCII otherwise.
    /// - Returns: the ends, the done part and the rest.
    static func parts(_ fraction: Double, columns: Int, blocks: Bool) -> (
        start: String, done: String, rest: String, end: String
    ) {
        let inner = max(1, columns - 2)
        let share = fraction.isFinite ? min(max(fraction, 0), 1) : 0
        guard blocks else {
            let done = Int(share * Double(inner))
            return (
                "[", String(repeating: "#", count: done), String(repeating: "-", count: inner - done), "]"
            )
        }
        let done = Int(share * Double(inner) * 8)
        let text = String(repeating: "█", count: done / 8) + eighths[done % 8]
        return ("▕", text, String(repeating: " ", count: inner - text.count), "▏")
    }
}
