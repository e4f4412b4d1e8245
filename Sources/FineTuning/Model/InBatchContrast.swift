import Foundation
import Kernels

/// The loss that brings vectors of texts that belong together near and keeps all others of a batch apart (InfoNCE, van den Oord
/// et al. 2018, arXiv 1807.03748; as in SimCSE, Gao et al. 2021, arXiv 2104.08821, equations 1 and 5, and
/// `MultipleNegativesRankingLoss` of sentence-transformers).
///
///     loss = mean over texts i of −log softmax over candidates j of (cos(xᵢ, yⱼ) / temperature)[partner of i]
///
/// Candidates are the partners of all texts of the batch and the negatives that any of them brought along, but for what is the
/// same text (`ContrastCandidates`).
package struct InBatchContrast: Sendable, Equatable {
    /// Of the softmax.
    package var temperature: Double
    /// Whether partners have to find their texts too, among all texts of the batch; the loss is the mean of both ways then
    /// (`MultipleNegativesSymmetricRankingLoss`).
    package var isSymmetric: Bool

    package init(temperature: Double, isSymmetric: Bool = false) {
        self.temperature = temperature
        self.isSymmetric = isSymmetric
    }

    /// - Parameters:
    ///   - rows: of every example, the vectors of a text, of its partner and of its negatives, one after another.
    ///   - width: of a vector.
    ///   - names: of the same texts, the same number for the same text.
    ///   - isLearned: whether gradients are wanted.
    /// - Returns: the mean loss in nats, and its gradient by all vectors, in the form of `rows`; empty if it is not wanted.
    package func loss(
        _ rows: [[Float]], width: Int, names: [[Int]], isLearned: Bool
    ) -> (loss: Double, gradients: [[Float]]) {
        let texts = UnitVectors(rows.map { $0.prefix(width) }, width: width)
        let others = UnitVectors(Self.candidates(rows, width: width), width: width)
        let candidates = ContrastCandidates(names)
        let cosines = texts.cosines(to: others)
        let (count, all) = (texts.count, others.count)
        // By the cosines.
        let slopes = FloatBuffer(count: isLearned ? count * all : 0)
        let share = (isSymmetric ? 0.5 : 1) / Double(max(count, 1))
        var total = 0.0
        /// - Parameters:
        ///   - found: what is chosen from, the partner first.
        ///   - place: of a cosine in the table.
        func add(_ found: [Int], _ place: (Int) -> Int) {
            let (loss, derivatives) = crossEntropy(found.map { cosines.base[place($0)] })
            total += share * loss
            guard isLearned else { return }
            for (index, derivative) in zip(found, derivatives) {
                slopes.base[place(index)] += Float(share * derivative)
            }
        }
        for text in 0..<count { add(candidates.ofText(text)) { text * all + $0 } }
        if isSymmetric {
            for partner in 0..<count { add(candidates.ofPartner(partner)) { $0 * all + partner } }
        }
        guard isLearned else { return (total, []) }
        let slope = Matrix(slopes.base, rows: count, columns: all)
        let ofTexts = texts.gradients { Kernels.multiply(slope, others.matrix, into: $0) }
        let ofOthers = others.gradients { Kernels.multiply(transposed: slope, texts.matrix, into: $0) }
        var next = count
        let gradients = rows.indices.map { row in
            let negatives = rows[row].count / width - 2
            defer { next += negatives }
            return ofTexts[row] + ofOthers[row] + ofOthers[next..<next + negatives].flatMap(\.self)
        }
        return (total, gradients)
    }

    /// The partners, then all negatives.
    package static func candidates(_ rows: [[Float]], width: Int) -> [ArraySlice<Float>] {
        rows.map { $0[width..<2 * width] }
            + rows.flatMap { row in stride(from: 2 * width, to: row.count, by: width).map { row[$0..<$0 + width] } }
    }

    /// - Parameter cosines: of what is chosen from, that of what is right first.
    /// - Returns: −log of its share, and the derivative by every cosine.
    private func crossEntropy(_ cosines: [Float]) -> (loss: Double, derivatives: [Double]) {
        let scores = cosines.map { Double($0) / temperature }
        let top = scores.max() ?? 0
        let powers = scores.map { exp($0 - top) }
        let sum = powers.reduce(0, +)
        return (
            log(sum) + top - scores[0],
            powers.enumerated().map { ($1 / sum - ($0 == 0 ? 1 : 0)) / temperature }
        )
    }
}

/// Which texts of a batch are held against a text. One that stands there twice is no negative of itself: neither the partners of
/// equal texts, nor what equals the text or its partner.
package struct ContrastCandidates {
    private let texts: [Int]
    private let partners: [Int]
    private let negatives: [Int]

    /// - Parameter names: of every example, of a text, of its partner and of its negatives; the same number for the same text.
    package init(_ names: [[Int]]) {
        texts = names.map { $0[0] }
        partners = names.map { $0[1] }
        negatives = names.flatMap { $0.dropFirst(2) }
    }

    /// Indices of candidates, partners before negatives, with the text's own partner before all.
    package func ofText(_ index: Int) -> [Int] {
        let (text, partner) = (texts[index], partners[index])
        return [index]
            + texts.indices.filter { texts[$0] != text && partners[$0] != partner && partners[$0] != text }
            + negatives.indices.filter { negatives[$0] != text && negatives[$0] != partner }.map { $0 + texts.count }
    }

    /// Indices of texts, with the partner's own before all.
    package func ofPartner(_ index: Int) -> [Int] {
        let (text, partner) = (texts[index], partners[index])
        return [index] + texts.indices.filter { texts[$0] != text && partners[$0] != partner && texts[$0] != partner }
    }
}
