import FineTuning
import Foundation
import Testing

/// Losses and scores of vectors against PyTorch and scikit-learn, and against a plain form in double precision.
@Suite("Fine-tuning: contrast within a batch")
struct InBatchContrastTests {
    private struct Case: Decodable {
        var names: [[Int]]
        var temperature: Double
        var symmetric: Bool
        var vectors: [[Float]]
        var loss: Double
        var gradient: [[Double]]
        var accuracy: Double?
        var reciprocalRank: Double?

        var contrast: InBatchContrast { InBatchContrast(temperature: temperature, isSymmetric: symmetric) }
    }

    private static let width = 4

    private func cases() throws -> [Case] {
        let cases = try fixture("contrast", [Case].self)
        #expect(cases.count == 8)
        return cases
    }

    @Test("Loss and gradient agree with PyTorch")
    func pyTorch() throws {
        for expected in try cases() {
            let (loss, gradients) = expected.contrast.loss(
                expected.vectors, width: Self.width, names: expected.names, isLearned: true)
            #expect(abs(loss - expected.loss) < 1e-5 * max(1, expected.loss))
            #expect(gradients.map(\.count) == expected.vectors.map(\.count))
            let largest = expected.gradient.joined().map(abs).max() ?? 0
            for (own, other) in zip(gradients.joined(), expected.gradient.joined()) {
                #expect(abs(Double(own) - other) < 1e-5 * max(largest, 1e-2))
            }
            let judged = expected.contrast.loss(
                expected.vectors, width: Self.width, names: expected.names, isLearned: false)
            #expect(judged.loss == loss && judged.gradients.isEmpty)
        }
    }

    /// Of texts that all differ, by the formula.
    private func plain(_ rows: [[Double]], _ contrast: InBatchContrast) -> Double {
        func vector(_ row: [Double], _ index: Int) -> [Double] {
            Array(row[index * Self.width..<(index + 1) * Self.width])
        }
        func cosine(_ a: [Double], _ b: [Double]) -> Double {
            func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
            return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
        }
        let texts = rows.map { vector($0, 0) }
        let partners = rows.map { vector($0, 1) }
        let negatives = rows.flatMap { row in (2..<row.count / Self.width).map { vector(row, $0) } }
        func mean(_ anchors: [[Double]], _ candidates: [[Double]]) -> Double {
            anchors.enumerated().reduce(0) { sum, anchor in
                let powers = candidates.map { exp(cosine(anchor.element, $0) / contrast.temperature) }
                return sum - log(powers[anchor.offset] / powers.reduce(0, +)) / Double(anchors.count)
            }
        }
        let forth = mean(texts, partners + negatives)
        return contrast.isSymmetric ? (forth + mean(partners, texts)) / 2 : forth
    }

    @Test("Loss and gradient agree with the formula and its central differences", arguments: [false, true])
    func formula(isSymmetric: Bool) throws {
        let contrast = InBatchContrast(temperature: 0.3, isSymmetric: isSymmetric)
        let rows = (0..<5).map { row -> [Float] in
            let texts = row == 2 ? 4 : 3
            return (0..<Self.width * texts).map { column -> Float in
                let angle = 7 * row + (3 + row) * column
                return Float(sin(Double(angle)))
            }
        }
        var next = 0
        let names = rows.map { row in
            defer { next += row.count / Self.width }
            return (0..<row.count / Self.width).map { next + $0 }
        }
        let (loss, gradients) = contrast.loss(rows, width: Self.width, names: names, isLearned: true)
        let exact = rows.map { $0.map { Double($0) } }
        #expect(abs(loss - plain(exact, contrast)) < 1e-6)
        for row in rows.indices {
            for index in rows[row].indices {
                func at(_ step: Double) -> Double {
                    var moved = exact
                    moved[row][index] += step
                    return plain(moved, contrast)
                }
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5
                #expect(abs(slope - Double(gradients[row][index])) < 1e-5)
            }
        }
    }

    @Test("Retrieval agrees with scikit-learn; vectors that are all alike find nothing")
    func retrieval() throws {
        for expected in try cases() {
            let scores = TaskScores(
                loss: 0.5, retrieval: expected.vectors, width: Self.width, names: expected.names)
            #expect(scores.loss == 0.5 && scores.texts == expected.names.count)
            guard let accuracy = expected.accuracy, let rank = expected.reciprocalRank else { continue }
            #expect(abs(try #require(scores.accuracy) - accuracy) < 1e-12)
            #expect(abs(try #require(scores.reciprocalRank) - rank) < 1e-12)
        }
        let alike = [[Float]](repeating: [Float](repeating: 0.5, count: 2 * Self.width), count: 4)
        let scores = TaskScores(
            loss: 0, retrieval: alike, width: Self.width, names: (0..<4).map { [2 * $0, 2 * $0 + 1] })
        #expect(scores.accuracy == 0 && scores.reciprocalRank == 0.25)
    }

    @Test("More texts than are compared at a time")
    func manyTexts() {
        // Text and partner have a direction of their own, but for every tenth text, whose partner is on the other side.
        func direction(_ index: Int) -> [Float] {
            let angle = 2 * Double.pi * Double(index) / 700
            return [Float(cos(angle)), Float(sin(angle)), 0, 0]
        }
        let rows = (0..<600).map { index -> [Float] in
            direction(index) + direction(index % 10 == 0 ? index + 350 : index)
        }
        let scores = TaskScores(
            loss: 0, retrieval: rows, width: Self.width, names: (0..<600).map { [2 * $0, 2 * $0 + 1] })
        #expect(scores.accuracy == 0.9)
    }
}
