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
    private func reorder(_ text: inout [UInt32]) {
        var start = 0
        while start < text.count {
            guard text[start] >= Self.firstToCompose, classes[text[start]] != nil else {
                start += 1
                continue
            }
            var marks: [(scalar: UInt32, class: UInt8)] = []
            while start + marks.count < text.count, case let scalar = text[start + marks.count],
                let value = classes[scalar]
            {
                marks.append((scalar, value))
            }
            let isSorted = zip(marks, marks.dropFirst()).allSatisfy { $0.class <= $1.class }
            if !isSorted {
                let sorted = marks.enumerated().sorted { ($0.element.class, $0.offset) < ($1.element.class, $1.offset) }
                for (offset, mark) in sorted.enumerated() { text[start + offset] = mark.element.scalar }
            }
            start += marks.count
        }
    }

    /// NFC, or NFKC where `isCompatible`.
    func composed(_ text: [UInt32], isCompatible: Bool) -> [UInt32] {
        if !isCompatible, text.allSatisfy({ $0 < Self.firstToCompose }) { return text }
        var result = decomposed(text, isCompatible: isCompatible)
        var starter = -1
        var lastClass: UInt8 = 0
        var kept = 0
        for index in result.indices {
            let scalar = result[index]
            let value = classes[scalar] ?? 0
            let isBlocked = kept - 1 != starter && (lastClass == 0 || lastClass >= value)
            if starter >= 0, !isBlocked, let composite = composition(result[starter], scalar) {
                result[starter] = composite
                continue
            }
            result[kept] = scalar
            if value == 0 { starter = kept }
            lastClass = value
            kept += 1
        }
        result.removeSubrange(kept...)
        return result
    }

    func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
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
