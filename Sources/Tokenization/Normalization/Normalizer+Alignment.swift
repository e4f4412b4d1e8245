extension Normalizer {
    /// Normalizes a text that keeps track of where its parts come from.
    func normalize(_ text: inout AlignedText) {
        for step in steps { Self.apply(step, to: &text) }
    }

    private static func apply(_ step: Step, to text: inout AlignedText) {
        switch step {
        case .composed(let isCompatible):
            // Below U+0300 nothing composes, and below U+00A0 nothing is decomposed.
            let first = isCompatible ? 0xA0 : NormalForms.firstToCompose
            if text.scalars.allSatisfy({ $0 < first }) { return }
            text.transform(NormalForms.shared.composition(text.scalars, isCompatible: isCompatible))
        case .decomposed(let isCompatible):
            if text.isASCII { return }
            text.transform(NormalForms.shared.decomposition(text.scalars, isCompatible: isCompatible))
        case .lowercase: text.lowercase()
        case .stripAccents:
            if text.isASCII { return }
            let table = CharacterTable.shared
            text.filter { !table[$0].contains(.combiningMark) }
        case .strip(let left, let right):
            let table = CharacterTable.shared
            func isSpace(_ scalar: UInt32) -> Bool { table[scalar].contains(.whitespace) }
            let end = right ? (text.scalars.lastIndex { !isSpace($0) }).map { $0 + 1 } ?? 0 : text.scalars.count
            let start = left ? text.scalars[..<end].firstIndex { !isSpace($0) } ?? end : 0
            text.trim(to: start..<end)
        case .prepend(let content): text.prepend(content)
        case .replace(let pattern, let content):
            if pattern.needsSpace, !text.hasSpace { return }
            let matches = text.scalars.withUnsafeBufferPointer { buffer in
                var matcher = PatternMatcher(pattern, buffer)
                var matches: [Range<Int>] = []
                while let match = matcher.find(from: matches.last?.upperBound ?? 0) { matches.append(match) }
                return matches
            }
            text.replace(matches, with: content)
        case .bert(let normalizer): normalizer.normalize(&text)
        case .precompiled(let map): map.normalize(&text)
        }
    }
}

extension AlignedText {
    var hasSpace: Bool {
        let table = CharacterTable.shared
        return scalars.contains { table[$0].contains(.whitespace) }
    }

    /// Small letters, scalar by scalar.
    mutating func lowercase() {
        if isASCII {
            map { 0x41...0x5A ~= $0 ? $0 + 0x20 : $0 }
        } else {
            let mappings = NormalForms.shared.lowercase
            expand { $0 < 0x80 ? (0x41...0x5A ~= $0 ? [$0 + 0x20] : nil) : mappings[$0] }
        }
    }
}
