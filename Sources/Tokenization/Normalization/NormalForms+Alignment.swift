extension NormalForms {
    /// NFD or NFKD, with what becomes of each scalar.
    func decomposition(_ text: [UInt32], isCompatible: Bool) -> [AlignedText.Change] {
        var result: [AlignedText.Change] = []
        result.reserveCapacity(text.count)
        var parts: [UInt32] = []
        for scalar in text {
            parts.removeAll(keepingCapacity: true)
            appendDecomposition(scalar, isCompatible, &parts)
            for (index, part) in parts.enumerated() { result.append(.init(scalar: part, change: index == 0 ? 0 : 1)) }
        }
        reorder(&result)
        return result
    }

    /// NFC or NFKC, with what becomes of each scalar.
    func composition(_ text: [UInt32], isCompatible: Bool) -> [AlignedText.Change] {
        var result = decomposition(text, isCompatible: isCompatible)
        compose(&result)
        return result
    }
}

extension AlignedText.Change: NormalizedScalar {
    mutating func become(_ composite: UInt32, with second: AlignedText.Change) {
        scalar = composite
        change += second.change - 1
    }
}
