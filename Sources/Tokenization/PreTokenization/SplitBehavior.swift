/// What happens to the matches when a text is cut at them, with the names of tokenizer.json.
enum SplitBehavior: String, CaseIterable {
    case isolated = "Isolated"
    case removed = "Removed"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"

    /// Turns a cover of a text by matches and gaps into pieces.
    ///
    /// - Parameter parts: adjacent, none of them empty, from start to end of the text.
    func pieces(_ parts: [(range: Range<Int>, isMatch: Bool)]) -> [Range<Int>] {
        switch self {
        case .isolated: return parts.map(\.range)
        case .removed: return parts.compactMap { $0.isMatch ? nil : $0.range }
        case .contiguous:
            return Self.joined(parts) { current, previous in current == previous }
        case .mergedWithPrevious:
            return Self.joined(parts) { current, previous in current && !previous }
        case .mergedWithNext:
            let reversed = Self.joined(parts.reversed()) { current, previous in current && !previous }
            return reversed.reversed()
        }
    }

    /// Joins a part to the one before it where `joins(isMatch, previousIsMatch)` says so.
    private static func joined(
        _ parts: [(range: Range<Int>, isMatch: Bool)], _ joins: (Bool, Bool) -> Bool
    ) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        var previous = false
        for part in parts {
            if joins(part.isMatch, previous), let last = pieces.popLast() {
                pieces.append(
                    min(last.lowerBound, part.range.lowerBound)..<max(last.upperBound, part.range.upperBound))
            } else {
                pieces.append(part.range)
            }
            previous = part.isMatch
        }
        return pieces
    }
}
