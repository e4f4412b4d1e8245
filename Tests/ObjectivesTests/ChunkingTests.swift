import Corpus
import Encoder
import Kernels
import Objectives
import Parametrization
import TestSupport
import Testing

@Suite("Chunks weigh tokens alike")
struct ChunkingTests {
    /// A small model with weights of visible size, and a batch of ragged sequences, some of several segments.
    final class Setting {
        let objective: ReplacedTokenDetection
        let weights: FloatBuffer
        let work: ReplacedTokenDetection.Work
        let dropout: DropoutStream?

        init(dropout probability: Double, replacements: Bool = false) {
            var model = ModelConfiguration()
            model.hiddenSize = 32
            model.headCount = 2
            model.intermediateSize = 64
            model.layerCount = 2
            model.embeddingSize = 16
            model.generator.widthMultiplier = 0.5
            model.dropout = probability
            model.attentionDropout = probability
            model.normalization.placement = .mix
            model.normalization.alpha = 0.5
            let lengths = [5, 30, 3, 17, 2, 24, 1]
            var batch = MaskingTests.batch(lengths)
            batch.segmentOffsets = (batch.sequenceOffsets + [12, 20, 45]).sorted()
            var configuration = ObjectiveConfiguration()
            configuration.maskFraction = 0.2
            objective = ReplacedTokenDetection(
                model: ReplacedTokenModel(
                    model: model, parametrization: .init(), vocabularySize: 101,
                    limits: .init(tokens: batch.tokenCount, sequences: 7, longestSegment: 30, maskFraction: 0.2)),
                configuration: configuration)
            let masking = MaskingTests.masking(batch, fraction: 0.2)
            work = .init(
                batch: batch, masking: masking, sampling: Philox(seed: 2, purpose: .sampling), step: 6,
                replacements: replacements ? masking.positions.map { batch.tokens[Int($0)] } : nil)
            dropout = probability > 0 ? DropoutStream(seed: 4, step: 6) : nil
            let layout = objective.model.layout
            weights = FloatBuffer(count: layout.bufferCount)
            var random = SplitMix64(seed: 3)
            for spec in layout.specs {
                let deviation: Float = spec.shape.count > 1 ? 1 / Float(spec.shape[1]).squareRoot() : 0.2
                for index in 0..<spec.count {
                    weights.base[spec.offset + index] =
                        (spec.name.hasSuffix("gain") ? 1 : 0) + deviation * Float(random.normal())
                }
            }
        }

        /// Carries chunks of whole sequences, each from a list of ranges, into one gradient buffer or none.
        func run(_ ranges: [Range<Int>], learns: Bool = true) -> (
            sums: LossSums, corrupted: [Int32], logits: [Float], gradients: FloatBuffer
        ) {
            let gradients = FloatBuffer(count: weights.count)
            // Memory of earlier steps must not matter.
            let arena = FloatBuffer(count: objective.model.activationCount)
            arena.base.update(repeating: .nan, count: arena.count)
            var result = (sums: LossSums(), corrupted: [Int32](), logits: [Float](), gradients: gradients)
            for range in ranges {
                let first = work.batch.sequenceOffsets[range.lowerBound]
                let outcome = objective.run(
                    work,
                    LanePass(
                        weights: weights.base, gradients: learns ? gradients.base : nil, arena: arena.base,
                        dropout: dropout,
                        chunk: ChunkGeometry(
                            firstRow: first, tokenCount: work.batch.sequenceOffsets[range.upperBound] - first,
                            segmentOffsets: work.batch.segmentOffsets)))
                result.sums += outcome.sums
                result.corrupted += outcome.corrupted
                result.logits += outcome.logits
            }
            return result
        }
    }

    static let splits: [[Range<Int>]] = [
        (0..<7).map { $0..<$0 + 1 }, [0..<3, 3..<7], [0..<6, 6..<7], [0..<1, 1..<2, 2..<7], [4..<7, 0..<4],
    ]

    @Test("One chunk or many: the same losses, samples and gradients", arguments: splits, [0, 0.25])
    func invariance(split: [Range<Int>], dropout: Double) {
        let setting = Setting(dropout: dropout)
        let whole = setting.run([0..<7])
        let parts = setting.run(split)
        if split.first?.lowerBound == 0 {
            #expect(parts.corrupted == whole.corrupted)
            #expect(relativeError(parts.logits.map { Double($0) }, whole.logits.map { Double($0) }) < 1e-5)
        }
        #expect(abs(parts.sums.generatorLoss - whole.sums.generatorLoss) < 1e-5 * whole.sums.generatorLoss)
        #expect(abs(parts.sums.discriminatorLoss - whole.sums.discriminatorLoss) < 1e-5 * whole.sums.discriminatorLoss)
        var (counts, expected) = (parts.sums, whole.sums)
        (counts.generatorLoss, counts.discriminatorLoss) = (0, 0)
        (expected.generatorLoss, expected.discriminatorLoss) = (0, 0)
        #expect(counts == expected)
        #expect(counts.tokenCount == setting.work.batch.tokenCount)
        #expect(counts.maskedCount == setting.work.masking.positions.count)
        let largest = whole.gradients.elements.reduce(0) { max($0, abs($1)) }
        #expect(largest.isFinite && largest > 0)
        for spec in setting.objective.model.layout.specs {
            func values(_ buffer: FloatBuffer) -> [Double] {
                (0..<spec.count).map { Double(buffer.base[spec.offset + $0]) }
            }
            if spec.name.hasSuffix("key.bias") {
                #expect(values(parts.gradients).allSatisfy { abs($0) < 1e-5 * Double(largest) })
            } else {
                #expect(relativeError(values(parts.gradients), values(whole.gradients)) < 1e-5, "\(spec.name)")
            }
        }
    }

    @Test("Without gradients the outcome is the same, and repeats to the bit")
    func evaluation() {
        let setting = Setting(dropout: 0)
        let learning = setting.run([0..<7])
        let watching = setting.run([0..<7], learns: false)
        #expect(watching.sums == learning.sums && watching.logits == learning.logits)
        #expect(watching.gradients.elements.allSatisfy { $0 == 0 })
        let again = setting.run([0..<7])
        #expect(again.gradients.elements.map(\.bitPattern) == learning.gradients.elements.map(\.bitPattern))
    }

    @Test("Replacements that equal the originals count as original")
    func givenReplacements() {
        let outcome = Setting(dropout: 0, replacements: true).run([0..<3, 3..<7])
        let setting = Setting(dropout: 0, replacements: true)
        #expect(outcome.corrupted == setting.work.batch.tokens)
        #expect(outcome.sums.replacedCount == 0 && outcome.sums.recall == 0)
        #expect(outcome.sums.trueNegatives + outcome.sums.falsePositives == setting.work.batch.tokenCount)
        #expect(Setting(dropout: 0).run([0..<7]).sums.replacedCount > 0)
    }

    @Test("A chunk of special tokens only has no generator loss, and learns to detect")
    func nothingMasked() {
        let setting = Setting(dropout: 0)
        let outcome = setting.run([4..<5])
        #expect(outcome.sums.maskedCount == 0 && outcome.sums.generatorLoss == 0)
        #expect(outcome.sums.tokenCount == 2 && outcome.sums.discriminatorLoss > 0)
        #expect(outcome.sums.meanGeneratorLoss == 0)
        #expect(
            outcome.gradients.elements.contains { $0 != 0 } && outcome.gradients.elements.allSatisfy { $0.isFinite })
    }
}
