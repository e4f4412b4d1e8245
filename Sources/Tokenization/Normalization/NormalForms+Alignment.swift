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
        var starter = -1
        var lastClass: UInt8 = 0
        var kept = 0
        for index in result.indices {
            let each = result[index]
            let value = combiningClass(each.scalar)
            let isBlocked = kept - 1 != starter && (lastClass == 0 || lastClass >= value)
            if starter >= 0, !isBlocked, let composite = composition(result[starter].scalar, each.scalar) {
                result[starter].scalar = composite
                result[starter].change += each.change - 1
                continue
            }
            result[kept] = each
            if value == 0 { starter = kept }
            lastClass = value
            kept += 1
        }
        result.removeSubrange(kept...)
        return result
    }

    private func reorder(_ text: inout [AlignedText.Change]) {
        var start = 0
        while start < text.count {
            var end = start
            while end < text.count, combiningClass(text[end].scalar) != 0 { end += 1 }
            if end - start > 1 {
                let marks = text[start..<end].enumerated().sorted { first, second in
                    (combiningClass(first.element.scalar), first.offset)
                        < (combiningClass(second.element.scalar), second.offset)
                }
                text.replaceSubrange(start..<end, with: marks.map(\.element))
            }
            start = end + 1
        }
    }
}
