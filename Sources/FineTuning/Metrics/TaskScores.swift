import Foundation

/// How well predictions match labels. Named and computed as in scikit-learn.
public struct TaskScores: Codable, Equatable, Sendable {
    /// Mean over texts: cross-entropy, or squared error; nil where there is nothing to learn from.
    public var loss: Double?
    public var accuracy: Double?
    public var macroF1: Double?
    /// Of two classes, of the second.
    public var f1: Double?
    public var matthews: Double?
    public var pearson: Double?
    public var spearman: Double?
    public var microF1: Double?
    public var subsetAccuracy: Double?
    public var auc: Double?
    public var entityF1: Double?
    public var entityPrecision: Double?
    public var entityRecall: Double?
    public var exactMatch: Double?
    public var tokenF1: Double?
    public var reciprocalRank: Double?
    /// Whether the same was predicted for all: one class for texts, one label for words, no label for any text.
    public var predictsOneClass: Bool?
    public var texts: Int

    public subscript(metric: TaskMetric) -> Double? {
        switch metric {
        case .accuracy: accuracy
        case .macroF1: macroF1
        case .f1: f1
        case .matthews: matthews
        case .pearson: pearson
        case .spearman: spearman
        case .microF1: microF1
        case .subsetAccuracy: subsetAccuracy
        case .auc: auc
        case .entityF1: entityF1
        case .exactMatch: exactMatch
        case .tokenF1: tokenF1
        case .reciprocalRank: reciprocalRank
        }
    }

    init(loss: Double, texts: Int) {
        self.loss = loss
        self.texts = texts
    }

    /// Of classes.
    ///
    /// - Parameter ofSecond: what grows with the probability of the second of two classes, for the area under the curve.
    public init(loss: Double, predicted: [Int], labels: [Int], classCount: Int, ofSecond: [Double]? = nil) {
        precondition(predicted.count == labels.count && !labels.isEmpty)
        self.loss = loss
        texts = labels.count
        // Of the table of labels against guesses its margins and its diagonal are enough.
        var ofLabel = [Int](repeating: 0, count: classCount)
        var (ofGuess, hits) = (ofLabel, ofLabel)
        for (label, guess) in zip(labels, predicted) {
            ofLabel[label] += 1
            ofGuess[guess] += 1
            if label == guess { hits[label] += 1 }
        }
        let right = hits.reduce(0, +)
        accuracy = Double(right) / Double(texts)
        // Classes that neither occur nor are predicted do not count.
        let scores = (0..<classCount).map { index -> Double? in
            let total = ofLabel[index] + ofGuess[index]
            return total == 0 ? nil : 2 * Double(hits[index]) / Double(total)
        }
        let present = scores.compactMap(\.self)
        macroF1 = present.reduce(0, +) / Double(present.count)
        if classCount == 2 { f1 = scores[1] ?? 0 }
        // Gorodkin 2004, as matthews_corrcoef.
        let n = Double(texts)
        let covariance = Double(right) * n - zip(ofLabel, ofGuess).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        let spreads = [ofLabel, ofGuess].map { counts in n * n - counts.reduce(0.0) { $0 + Double($1) * Double($1) } }
        matthews = spreads.contains(0) ? 0 : covariance / (spreads[0] * spreads[1]).squareRoot()
        predictsOneClass = ofGuess.count { $0 > 0 } == 1
        auc = ofSecond.flatMap { Self.areaUnderCurve($0, labels.map { $0 == 1 }) }
    }

    /// Of numbers.
    public init(loss: Double, predicted: [Double], numbers: [Double]) {
        precondition(predicted.count == numbers.count && !numbers.isEmpty)
        self.loss = loss
        texts = numbers.count
        pearson = Self.correlation(predicted, numbers)
        spearman = Self.correlation(Self.ranks(predicted), Self.ranks(numbers))
    }

    /// - Returns: 0 where one of them does not vary.
    private static func correlation(_ a: [Double], _ b: [Double]) -> Double {
        let n = Double(a.count)
        let (meanA, meanB) = (a.reduce(0, +) / n, b.reduce(0, +) / n)
        var (ab, aa, bb) = (0.0, 0.0, 0.0)
        for (x, y) in zip(a, b) {
            ab += (x - meanA) * (y - meanB)
            aa += (x - meanA) * (x - meanA)
            bb += (y - meanB) * (y - meanB)
        }
        return aa == 0 || bb == 0 ? 0 : ab / (aa * bb).squareRoot()
    }

    /// From 1; ties share the mean of theirs.
    static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var index = 0
        while index < order.count {
            var end = index + 1
            while end < order.count, values[order[end]] == values[order[index]] { end += 1 }
            for place in index..<end { ranks[order[place]] = Double(index + end + 1) / 2 }
            index = end
        }
        return ranks
    }
}
