/// Area under the receiver operating characteristic: the probability that a random positive is scored above a random
/// negative, ties counting half (Mann–Whitney).
public enum RankStatistics {
    /// - Returns: nil where one of the classes is missing, or a score is not a number, which has no rank.
    public static func areaUnderCurve(scores: [Float], labels: [Bool]) -> Double? {
        precondition(scores.count == labels.count)
        guard !scores.contains(where: \.isNaN) else { return nil }
        let order = scores.indices.sorted { scores[$0] < scores[$1] }
        let positives = labels.count { $0 }
        let negatives = labels.count - positives
        guard positives > 0, negatives > 0 else { return nil }
        var rankSum = 0.0
        var index = 0
        while index < order.count {
            var end = index + 1
            while end < order.count, scores[order[end]] == scores[order[index]] { end += 1 }
            // Tied scores share the mean of their ranks, which count from 1.
            let rank = Double(index + end + 1) / 2
            for position in index..<end where labels[order[position]] { rankSum += rank }
            index = end
        }
        return (rankSum - Double(positives) * Double(positives + 1) / 2) / (Double(positives) * Double(negatives))
    }
}
