extension TaskScores {
    /// Of any number of labels for each text.
    ///
    /// As in scikit-learn, but for AUC: there, a label that all texts have or none makes the mean undefined; here it does
    /// not count. Of a label that is neither there nor predicted F1 is 0, as with `zero_division=0`.
    ///
    /// - Parameters:
    ///   - logits: `[texts][labels]`; a label above 0 is predicted.
    ///   - truth: which labels each text has, `[texts][labels]`.
    public init(loss: Double, logits: [[Float]], truth: [[Bool]]) {
        precondition(logits.count == truth.count && !truth.isEmpty)
        self.init(loss: loss, texts: truth.count)
        let labelCount = truth[0].count
        var hits = [Int](repeating: 0, count: labelCount)
        var (guesses, present) = (hits, hits)
        var exact = 0
        for (outputs, answers) in zip(logits, truth) {
            var isExact = true
            for label in 0..<labelCount {
                let guess = outputs[label] > 0
                if guess { guesses[label] += 1 }
                if answers[label] { present[label] += 1 }
                if guess, answers[label] { hits[label] += 1 }
                if guess != answers[label] { isExact = false }
            }
            if isExact { exact += 1 }
        }
        func f1(_ hits: Int, _ guesses: Int, _ present: Int) -> Double {
            guesses + present == 0 ? 0 : 2 * Double(hits) / Double(guesses + present)
        }
        func sum(_ counts: [Int]) -> Int { counts.reduce(0, +) }
        microF1 = f1(sum(hits), sum(guesses), sum(present))
        macroF1 =
            (0..<labelCount).reduce(0.0) { $0 + f1(hits[$1], guesses[$1], present[$1]) } / Double(max(labelCount, 1))
        predictsOneClass = sum(guesses) == 0
        subsetAccuracy = Double(exact) / Double(texts)
        let areas = (0..<labelCount).compactMap { label in
            Self.areaUnderCurve(logits.map { Double($0[label]) }, truth.map { $0[label] })
        }
        auc = areas.isEmpty ? nil : areas.reduce(0, +) / Double(areas.count)
    }

    /// By the ranks of what is looked for (Mann and Whitney 1947); ties count half.
    ///
    /// - Returns: nil where all are alike.
    static func areaUnderCurve(_ scores: [Double], _ truth: [Bool]) -> Double? {
        let positives = truth.count(where: \.self)
        let negatives = truth.count - positives
        guard positives > 0, negatives > 0 else { return nil }
        let sum = zip(ranks(scores), truth).reduce(0) { $0 + ($1.1 ? $1.0 : 0) }
        let least = Double(positives) * Double(positives + 1) / 2
        return (sum - least) / (Double(positives) * Double(negatives))
    }
}
