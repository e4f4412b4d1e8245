import Foundation
import TestSupport
import Testing

/// The losses, the embeddings and the masked-language-model head, whose inputs or outputs are not matrices alone.
@Suite("Losses, embeddings and heads")
struct LossGradientTests {
    @Test("Softmax cross-entropy", arguments: [(1, 2, nil), (4, 7, nil), (3, 5, 0.125)] as [(Int, Int, Double?)])
    func softmaxCrossEntropy(rows: Int, classes: Int, weight: Double?) {
        var generator = SplitMix64(seed: 20)
        let targets = (0..<rows).map { _ in Int.random(in: 0..<classes, using: &generator) }
        var loss = Reference.SoftmaxCrossEntropy(targets: targets, weight: weight)
        let input = Reference.Parameter(
            "logits", shape: [rows, classes], values: generator.matrix(rows, classes).values)
        let upstream = generator.normal()
        expectGradients(
            of: [input],
            function: { upstream * loss.forward(.init(rows: rows, columns: classes, values: input.values)) },
            backward: { input.accumulate(loss.backward(upstream: upstream).values) })
    }

    @Test("Softmax cross-entropy of uniform logits is the logarithm of the number of classes")
    func uniformLogits() {
        var loss = Reference.SoftmaxCrossEntropy(targets: [3, 0])
        let logits = Reference.Matrix(rows: 2, columns: 5, values: [Double](repeating: 1000, count: 10))
        #expect(abs(loss.forward(logits) - log(5)) < 1e-12)
    }

    @Test("Binary cross-entropy", arguments: [(1, nil), (9, nil), (6, 0.03)] as [(Int, Double?)])
    func binaryCrossEntropy(tokens: Int, weight: Double?) {
        var generator = SplitMix64(seed: 21)
        let labels = (0..<tokens).map { _ in Bool.random(using: &generator) }
        var loss = Reference.BinaryCrossEntropy(labels: labels, weight: weight)
        let input = Reference.Parameter("logits", shape: [tokens, 1], values: generator.matrix(tokens, 1).values)
        let upstream = generator.normal()
        expectGradients(
            of: [input],
            function: { upstream * loss.forward(.init(rows: tokens, columns: 1, values: input.values)) },
            backward: { input.accumulate(loss.backward(upstream: upstream).values) })
    }

    @Test("Binary cross-entropy: logit 0 costs log 2, extremes neither overflow nor vanish")
    func binaryExtremes() {
        var even = Reference.BinaryCrossEntropy(labels: [true, false])
        #expect(abs(even.forward(.init(zeros: 2, 1)) - log(2)) < 1e-15)
        var wrong = Reference.BinaryCrossEntropy(labels: [true, false], weight: 1)
        #expect(wrong.forward(.init(rows: 2, columns: 1, values: [-1000, 1000])) == 2000)
    }

    @Test("Parts of a batch with the weight of the whole sum to its mean")
    func weightsAddUp() {
        var generator = SplitMix64(seed: 22)
        let logits = generator.matrix(5, 4)
        var whole = Reference.SoftmaxCrossEntropy(targets: [0, 1, 2, 3, 1])
        var first = Reference.SoftmaxCrossEntropy(targets: [0, 1], weight: 0.2)
        var second = Reference.SoftmaxCrossEntropy(targets: [2, 3, 1], weight: 0.2)
        let parts =
            first.forward(.init(rows: 2, columns: 4, values: Array(logits.values[..<8])))
            + second.forward(.init(rows: 3, columns: 4, values: Array(logits.values[8...])))
        #expect(abs(parts - whole.forward(logits)) < 1e-12)
    }

    @Test(
        "Embeddings: word, position restarting at each segment, token type, norm",
        arguments: [[0, 1], [0, 4], [0, 3, 3, 7]], [true, false])
    func embeddings(offsets: [Int], isLearned: Bool) throws {
        let segments = Reference.Segments(offsets: offsets)
        let parameters = Reference.Parameters(drawnFrom: 23)
        var generator = SplitMix64(seed: 24)
        var configuration = Reference.EncoderConfiguration.tiny()
        configuration.positions = isLearned ? .learned(maximum: 5) : .rotary(base: 100)
        let mask = generator.dropoutMask(segments.tokenCount, configuration.embeddingSize, probability: 0.3)
        var layer = try Reference.TokenEmbedding(configuration, segments: segments, dropout: mask, parameters)
        // Words repeat, so that their gradients have to add up.
        let tokens = (0..<segments.tokenCount).map { $0 % 3 }
        let upstream = generator.matrix(segments.tokenCount, configuration.embeddingSize)
        expectGradients(
            of: parameters.all, function: { layer.forward(tokens).dot(upstream) },
            backward: { layer.backward(upstream: upstream) })
    }

    @Test(
        "Masked-language-model head at given positions",
        arguments: [([0], 1.0), ([1, 4, 2], 0.5), ([], 1.0)] as [([Int], Double)])
    func maskedLanguageModelHead(positions: [Int], multiplier: Double) throws {
        let configuration = Reference.EncoderConfiguration.tiny()
        let parameters = Reference.Parameters(drawnFrom: 25)
        var generator = SplitMix64(seed: 26)
        var head = try Reference.MaskedLanguageModelHead(
            configuration, positions: positions, multiplier: multiplier, parameters)
        let shape = [5, configuration.hiddenSize]
        let hidden = Reference.Parameter("hidden", shape: shape, values: generator.matrix(shape[0], shape[1]).values)
        let upstream = generator.matrix(positions.count, configuration.vocabularySize)
        expectGradients(
            of: [hidden] + parameters.all,
            function: { head.forward(.init(rows: shape[0], columns: shape[1], values: hidden.values)).dot(upstream) },
            backward: { hidden.accumulate(head.backward(upstream: upstream).values) })
    }
}
