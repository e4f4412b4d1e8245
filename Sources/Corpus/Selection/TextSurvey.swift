import Foundation

/// A script's share of the letters.
public struct ScriptShare: Sendable, Equatable, Encodable {
    public var script: String
    public var share: Double

    public init(script: String, share: Double) {
        self.script = script
        self.share = share
    }
}

/// How letters with accents and other marks are written (Unicode Standard Annex 15).
public enum UnicodeForm: String, Sendable, Encodable {
    /// No accented Latin, Greek or Cyrillic letters.
    case none
    /// As one character, where there is one (NFC).
    case composed
    /// As a letter and a mark (NFD).
    case decomposed
    case mixed
}

/// Scripts and form of a text, from its first part: they do not change much after it.
struct TextSurvey {
    /// Bytes that are looked at character by character.
    private static let limit = 64 << 20

    private var bytes = 0
    private var counts: [String: Int] = [:]
    private var composed = 0
    private var decomposed = 0

    mutating func add(_ text: UnsafeRawBufferPointer) {
        guard bytes < Self.limit else { return }
        bytes += text.count
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            let value = scalar.value
            if value < 0x80 {
                if scalar.properties.isAlphabetic { counts["Latin", default: 0] += 1 }
                continue
            }
            switch value {
            // Marks that make letters with the one before, of scripts whose letters exist whole too.
            case 0x300...0x36F: decomposed += 1
            default: if Self.composedLetters.contains(value) { composed += 1 }
            }
            if scalar.properties.isAlphabetic { counts[Self.script(value), default: 0] += 1 }
        }
    }

    var scripts: [ScriptShare] {
        let total = Double(max(1, counts.values.reduce(0, +)))
        return counts.map { ScriptShare(script: $0.key, share: Double($0.value) / total) }
            .sorted { ($1.share, $0.script) < ($0.share, $1.script) }
    }

    var form: UnicodeForm {
        let all = composed + decomposed
        if all == 0 { return .none }
        let share = Double(decomposed) / Double(all)
        return share < 0.01 ? .composed : share > 0.99 ? .decomposed : .mixed
    }

    /// Letters that have a decomposed form.
    private static let composedLetters: Set<UInt32> = {
        let blocks: [ClosedRange<UInt32>] = [0xC0...0x24F, 0x386...0x3CE, 0x400...0x45F, 0x1E00...0x1FFF]
        return Set(
            blocks.joined().filter { value in
                Unicode.Scalar(value).map {
                    String($0).decomposedStringWithCanonicalMapping.unicodeScalars.count > 1
                } ?? false
            })
    }()

    private static func script(_ value: UInt32) -> String {
        ranges.first { $0.range.contains(value) }?.script ?? "other"
    }

    /// Main blocks of the scripts that most text is in.
    private static let ranges: [(range: ClosedRange<UInt32>, script: String)] = [
        (0x80...0x24F, "Latin"), (0x1E00...0x1EFF, "Latin"), (0x370...0x3FF, "Greek"), (0x1F00...0x1FFF, "Greek"),
        (0x400...0x52F, "Cyrillic"), (0x530...0x58F, "Armenian"), (0x590...0x5FF, "Hebrew"), (0x600...0x77F, "Arabic"),
        (0x8A0...0x8FF, "Arabic"), (0xFB50...0xFDFF, "Arabic"), (0xFE70...0xFEFF, "Arabic"),
        (0x900...0x97F, "Devanagari"), (0x980...0x9FF, "Bengali"), (0xA00...0xA7F, "Gurmukhi"),
        (0xA80...0xAFF, "Gujarati"), (0xB00...0xB7F, "Oriya"), (0xB80...0xBFF, "Tamil"), (0xC00...0xC7F, "Telugu"),
        (0xC80...0xCFF, "Kannada"), (0xD00...0xD7F, "Malayalam"), (0xD80...0xDFF, "Sinhala"), (0xE00...0xE7F, "Thai"),
        (0xE80...0xEFF, "Lao"), (0xF00...0xFFF, "Tibetan"), (0x1000...0x109F, "Burmese"), (0x10A0...0x10FF, "Georgian"),
        (0x1200...0x139F, "Ethiopic"), (0x1780...0x17FF, "Khmer"), (0x3040...0x30FF, "Kana"),
        (0x1100...0x11FF, "Hangul"), (0xAC00...0xD7AF, "Hangul"), (0x3400...0x9FFF, "Han"), (0x20000...0x3FFFF, "Han"),
    ]
}
