extension TaskEncoder {
    /// A text or a pair as one example, cut where it is too long, or else in windows that together weigh as much.
    ///
    /// Of a pair the longer text is in windows, and the other one in each of them, cut to half of what there is room for.
    mutating func examples(_ row: TaskRow, target: TaskTarget?, _ settings: FineTuningSettings) -> [TaskExample] {
        let (first, second) = (ids(row.text), row.pair.map { ids($0) })
        let room = longestText - (second == nil ? 2 : 3)
        guard settings.longTexts == .stride, first.count + (second?.count ?? 0) > room, room > 1 else {
            return [encode(row, target: target)]
        }
        func windows(_ ids: [Int32], _ space: Int) -> [ArraySlice<Int32>] {
            // What is beside a long other text is less than the windows that the overlap was meant for.
            TextWindows.windows(
                ids.count, room: space, overlap: min(settings.windowOverlap ?? space / 4, space / 2)
            ).map { ids[$0] }
        }
        var parts: [(first: ArraySlice<Int32>, second: ArraySlice<Int32>?)] = []
        if let second {
            let isFirstLonger = first.count > second.count
            let other = isFirstLonger ? second : first
            if other.count > room / 2 { truncated += 1 }
            let kept = other.prefix(room / 2)
            parts = windows(isFirstLonger ? first : second, room - kept.count).map {
                isFirstLonger ? ($0, kept) : (kept, $0)
            }
        } else {
            parts = windows(first, room).map { ($0, nil) }
        }
        return parts.map { first, second in
            TaskExample(
                tokens: [special.classification] + first + [special.separator]
                    + (second.map { $0 + [special.separator] } ?? []),
                pairStart: second.map { _ in first.count + 2 }, target: target, weight: 1 / Double(parts.count))
        }
    }
}
