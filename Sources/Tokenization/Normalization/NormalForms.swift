/// Unicode normalization (UAX 15) on scalars, with the tables of the `tokenizers` library.
struct NormalForms: Sendable {
    static let shared = NormalForms()

    private let canonical: [UInt32: [UInt32]]
    private let compatible: [UInt32: [UInt32]]
    private let compositions: [UInt64: UInt32]
    private let classes: [UInt32: UInt8]
    let lowercase: [UInt32: [UInt32]]

    /// Scalars below are their own composition, combine with nothing before them, and have class 0.
    static let firstToCompose: UInt32 = 0x300

    private init() {
        var canonical: [UInt32: [UInt32]] = [:]
        var compatible: [UInt32: [UInt32]] = [:]
        var excluded: Set<UInt32> = []
        var scalar: UInt32 = 0
        for entry in Self.fields(UnicodeMappings.decompositions, ";") {
            let head = entry.prefix { base36Digit($0) != nil }
            scalar += Self.number(head)
            if entry.dropFirst(head.count).first == UInt8(ascii: "!") { excluded.insert(scalar) }
            if let colon = entry.firstIndex(of: UInt8(ascii: ":")) {
                canonical[scalar] = Self.numbers(entry[(colon + 1)...].prefix { $0 != UInt8(ascii: "=") })
            }
            if let equals = entry.firstIndex(of: UInt8(ascii: "=")) {
                compatible[scalar] = Self.numbers(entry[(equals + 1)...])
            }
        }
        self.canonical = canonical
        self.compatible = compatible

        // A primary composite's last scalar joins the composite of the scalars before it: shorter ones come first.
        var compositions: [UInt64: UInt32] = [:]
        for (composite, parts) in canonical.sorted(by: { ($0.value.count, $0.key) < ($1.value.count, $1.key) })
        where parts.count > 1 && !excluded.contains(composite) {
            var first = parts[0]
            for part in parts[1..<(parts.count - 1)] { first = compositions[Self.key(first, part)] ?? first }
            compositions[Self.key(first, parts[parts.count - 1])] = composite
        }
        self.compositions = compositions

        var classes: [UInt32: UInt8] = [:]
        scalar = 0
        for entry in Self.fields(UnicodeMappings.combiningClasses, ",") {
            let parts = entry.split(separator: UInt8(ascii: ":"))
            let length = Self.number(parts[0])
            let value = UInt8(truncatingIfNeeded: Self.number(parts[1]))
            if value != 0 { for each in scalar..<(scalar + length) { classes[each] = value } }
            scalar += length
        }
        self.classes = classes

        var lowercase: [UInt32: [UInt32]] = [:]
        scalar = 0
        for entry in Self.fields(UnicodeMappings.lowercase, ";") {
            let head = entry.prefix { base36Digit($0) != nil }
            scalar += Self.number(head)
            lowercase[scalar] = Self.numbers(entry.dropFirst(head.count + 1))
        }
        self.lowercase = lowercase
    }

    private static func fields(_ text: StaticString, _ separator: Unicode.Scalar) -> [ArraySlice<UInt8>] {
        let bytes = Array(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        return bytes.split(separator: UInt8(ascii: separator))
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt32 {
        digits.reduce(0) { $0 * 36 + UInt32(base36Digit($1) ?? 0) }
    }

    private static func numbers(_ text: ArraySlice<UInt8>) -> [UInt32] {
        text.split(separator: UInt8(ascii: " ")).map(number)
    }

    private static func key(_ first: UInt32, _ second: UInt32) -> UInt64 { UInt64(first) << 32 | UInt64(second) }

    /// NFD, or NFKD where `isCompatible`.
    func decomposed(_ text: [UInt32], isCompatible: Bool) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(text.count)
        for scalar in text { appendDecomposition(scalar, isCompatible, &result) }
        reorder(&result)
        return result
    }

    func appendDecomposition(_ scalar: UInt32, _ isCompatible: Bool, _ result: inout [UInt32]) {
        if scalar < 0xA0 {
            result.append(scalar)
        } else if Hangul.syllables.contains(scalar) {
            let index = scalar - Hangul.syllables.lowerBound
            result.append(Hangul.leading + index / (Hangul.vowelCount * Hangul.trailingCount))
            result.append(Hangul.vowel + index / Hangul.trailingCount % Hangul.vowelCount)
            if index % Hangul.trailingCount > 0 { result.append(Hangul.trailing + index % Hangul.trailingCount) }
        } else if isCompatible, let mapping = compatible[scalar] {
            result.append(contentsOf: mapping)
        } else if let mapping = canonical[scalar] {
            result.append(contentsOf: mapping)
        } else {
            result.append(scalar)
        }
    }

    /// The canonical combining class; 0 for what is no mark.
    func combiningClass(_ scalar: UInt32) -> UInt8 {
        scalar < Self.firstToCompose ? 0 : classes[scalar] ?? 0
    }

    /// Sorts runs of combining marks by their class, equal ones in their order.
    func reorder(_ text: inout [some NormalizedScalar]) {
        var start = 0
        while start < text.count {
            var end = start
            while end < text.count, combiningClass(text[end].scalar) != 0 { end += 1 }
            if end - start > 1 {
                let marks = text[start..<end].enumerated().map {
                    (class: combiningClass($1.scalar), offset: $0, mark: $1)
                }
                let isSorted = zip(marks, marks.dropFirst()).allSatisfy { $0.class <= $1.class }
                if !isSorted {
                    let sorted = marks.sorted { ($0.class, $0.offset) < ($1.class, $1.offset) }
                    text.replaceSubrange(start..<end, with: sorted.map(\.mark))
                }
            }
            start = end + 1
        }
    }

    /// NFC, or NFKC where `isCompatible`.
    func composed(_ text: [UInt32], isCompatible: Bool) -> [UInt32] {
        if !isCompatible, text.allSatisfy({ $0 < Self.firstToCompose }) { return text }
        var result = decomposed(text, isCompatible: isCompatible)
        compose(&result)
        return result
    }

    /// Puts together what a decomposed text has of composites (Unicode section 3.11).
    func compose(_ text: inout [some NormalizedScalar]) {
        var starter = -1
        var lastClass: UInt8 = 0
        var kept = 0
        for index in text.indices {
            let each = text[index]
            let value = combiningClass(each.scalar)
            let isBlocked = kept - 1 != starter && (lastClass == 0 || lastClass >= value)
            if starter >= 0, !isBlocked, let composite = composition(text[starter].scalar, each.scalar) {
                text[starter].become(composite, with: each)
                continue
            }
            text[kept] = each
            if value == 0 { starter = kept }
            lastClass = value
            kept += 1
        }
        text.removeSubrange(kept...)
    }

    private func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if (Hangul.leading..<(Hangul.leading + Hangul.leadingCount)).contains(first),
            (Hangul.vowel..<(Hangul.vowel + Hangul.vowelCount)).contains(second)
        {
            let index = (first - Hangul.leading) * Hangul.vowelCount + second - Hangul.vowel
            return Hangul.syllables.lowerBound + index * Hangul.trailingCount
        }
        if Hangul.syllables.contains(first), (first - Hangul.syllables.lowerBound) % Hangul.trailingCount == 0,
            ((Hangul.trailing + 1)..<(Hangul.trailing + Hangul.trailingCount)).contains(second)
        {
            return first + second - Hangul.trailing
        }
        return compositions[Self.key(first, second)]
    }

    /// Hangul syllables, composed by arithmetic (Unicode section 3.12).
    private enum Hangul {
        static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3
        static let leading: UInt32 = 0x1100
        static let leadingCount: UInt32 = 19
        static let vowel: UInt32 = 0x1161
        static let vowelCount: UInt32 = 21
        static let trailing: UInt32 = 0x11A7
        static let trailingCount: UInt32 = 28
    }
}

/// A scalar on its way to a normal form, alone or with what goes along with it.
protocol NormalizedScalar {
    var scalar: UInt32 { get }
    /// Takes the place of a composite's two parts, of which it was the first.
    mutating func become(_ composite: UInt32, with second: Self)
}

extension UInt32: NormalizedScalar {
    var scalar: UInt32 { self }
    mutating func become(_ composite: UInt32, with second: UInt32) { self = composite }
}
