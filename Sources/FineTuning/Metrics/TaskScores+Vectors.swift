import Kernels

extension TaskScores {
    /// How near to one another pairs are, against scores by people; without a loss.
    ///
    /// - Parameters:
    ///   - cosines: of the vectors of each pair.
    ///   - scores: of the pairs, on any scale.
    public init(cosines: [Double], scores: [Double]) {
        self.init(loss: 0, predicted: cosines, numbers: scores)
        loss = nil
    }

    /// How well texts find their partners among all partners and negatives, by cosines.
    ///
    /// What is as near as the partner counts as nearer, so that vectors that are all alike find nothing.
    ///
    /// - Parameters:
    ///   - rows: of every example, the vectors of a text, of its partner and of its negatives, one after another.
    ///   - width: of a vector.
    ///   - names: of the same texts, the same number for the same text.
    package init(loss: Double, retrieval rows: [[Float]], width: Int, names: [[Int]]) {
        self.init(loss: loss, texts: rows.count)
        let others = UnitVectors(InBatchContrast.candidates(rows, width: width), width: width)
        let candidates = ContrastCandidates(names)
        var (first, reciprocals) = (0, 0.0)
        // Some at a time, as the table of all cosines may be large.
        for start in stride(from: 0, to: rows.count, by: 256) {
            let texts = UnitVectors(rows[start..<min(start + 256, rows.count)].map { $0.prefix(width) }, width: width)
            let cosines = texts.cosines(to: others)
            for index in 0..<texts.count {
                let row = cosines.base + index * others.count
                let found = candidates.ofText(start + index)
                let rank = 1 + found.dropFirst().count { row[$0] >= row[found[0]] }
                first += rank == 1 ? 1 : 0
                reciprocals += 1 / Double(rank)
            }
        }
        accuracy = Double(first) / Double(max(rows.count, 1))
        reciprocalRank = reciprocals / Double(max(rows.count, 1))
    }
}
