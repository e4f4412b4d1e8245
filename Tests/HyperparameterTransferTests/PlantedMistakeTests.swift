import Encoder
import HyperparameterTransfer
import Kernels
import Parametrization
import Pretraining
import Testing

/// Correct models pass the coordinate check, and models with a planted mistake fail where the mistake is.
@Suite("Coordinate check against planted mistakes")
struct PlantedMistakeTests {
    static func target(_ change: (inout RunConfiguration) -> Void = { _ in }) -> RunConfiguration {
        TransferTests.target {
            $0.model.layerCount = 2
            $0.model.hiddenSize = 512
            $0.model.intermediateSize = 1024
            $0.model.embeddingSize = 512
            $0.model.headCount = 16
            $0.corpus.sequenceLength = 32
            $0.tokenizer.vocabularySize = 300
            $0.optimizer.peakLearningRate = 4e-3
            change(&$0)
        }
    }

    static func metro(_ configuration: inout RunConfiguration) {
        configuration.objective.name = .metro
        configuration.model.embeddingSharing = .tokenOnly
        configuration.model.detectionHead = .linear
        configuration.model.relativeBias.sharing = .shared
        configuration.model.initialization.zeroDetectionOutput = true
    }

    /// - Returns: the modules that fail.
    static func failing(
        _ target: RunConfiguration, _ mistake: PlantedMistake?, widths: [Int] = [64, 128, 256], seeds: Int = 3
    ) throws -> [CoordinateVerdict.Module] {
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        var check = try CoordinateCheck(target, widths: widths, steps: 3, seeds: seeds, tokens: 256)
        check.planted = mistake
        let measurements = try check.measure(.maximalUpdate(baseWidth: 64), pool: pool)
        return CoordinateVerdict(measurements, tolerance: check.tolerance).modules.filter { !$0.passes }
    }

    static func described(_ modules: [CoordinateVerdict.Module]) -> Comment {
        Comment(rawValue: modules.map { "\($0.module): \($0.worst), \($0.place)" }.joined(separator: "; "))
    }

    @Test(
        "Correct models pass", arguments: [NormalizationPlacement.post, .pre, .mix], [false, true])
    func correct(placement: NormalizationPlacement, isMetro: Bool) throws {
        let target = Self.target {
            $0.model.normalization.placement = placement
            if isMetro { Self.metro(&$0) }
        }
        let failing = try Self.failing(target, nil)
        #expect(failing.isEmpty, Self.described(failing))
    }

    struct Case: CustomTestStringConvertible {
        var testDescription: String
        var mistake: PlantedMistake
        /// Of which modules one must fail.
        var isExpected: @Sendable (String) -> Bool
    }

    @Test(
        "Mistakes are found where they are",
        arguments: [
            Case(
                testDescription: "a forgotten forward multiplier",
                mistake: PlantedMistake(configuration: {
                    $0.parametrization.outputMultiplier *= Double($0.model.hiddenSize) / 64
                }), isExpected: { $0 == "discriminator.logits" }),
            Case(
                testDescription: "a hidden tensor's rate for a readout",
                mistake: PlantedMistake(scaling: { spec in
                    guard spec.role == .readout else { return nil }
                    var scaling = spec.scaling
                    scaling.learningRate = 1 / spec.widthRatio
                    return scaling
                }), isExpected: { $0 == "discriminator.logits, own weights" }),
            Case(
                testDescription: "a readout's rate for hidden tensors",
                mistake: PlantedMistake(scaling: { spec in
                    guard spec.role == .hidden else { return nil }
                    var scaling = spec.scaling
                    scaling.learningRate = 1
                    return scaling
                }), isExpected: { $0 == "discriminator.layers.1.feed_forward" }),
            Case(
                testDescription: "Adam's epsilon not scaled",
                mistake: PlantedMistake(scaling: { spec in
                    var scaling = spec.scaling
                    scaling.epsilon = 1
                    return scaling
                }), isExpected: { $0 == "discriminator.layers.1, large epsilon" }),
            Case(
                testDescription: "an initial deviation not scaled",
                mistake: PlantedMistake(scaling: { spec in
                    guard spec.role == .hidden else { return nil }
                    var scaling = spec.scaling
                    scaling.initialization = 1
                    return scaling
                }), isExpected: { $0 == "discriminator.layers.1.feed_forward" }),
        ])
    func planted(_ planted: Case) throws {
        for placement in [NormalizationPlacement.post, .pre] {
            let target = Self.target { $0.model.normalization.placement = placement }
            let failing = try Self.failing(target, planted.mistake, widths: [64, 256], seeds: 1)
            #expect(failing.contains { planted.isExpected($0.module) }, Self.described(failing))
        }
    }

    @Test("1/√d in place of 1/d shows where heads grow with the width, and only there")
    func attentionScale() throws {
        let mistake = PlantedMistake(configuration: {
            $0.parametrization.baseHeadSize = nil
            $0.parametrization.generatorBaseHeadSize = nil
        })
        let growing = Self.target {
            $0.model.headCount = 2
            $0.model.generator.headCount = 1
        }
        let correct = try Self.failing(growing, nil)
        #expect(correct.isEmpty, Self.described(correct))
        let failing = try Self.failing(growing, mistake)
        #expect(
            failing.contains { $0.module == "discriminator.layers.1.attention.scores" && $0.place.hasPrefix("size") },
            Self.described(failing))
        // Heads of one size have one scale: there is nothing to be wrong.
        #expect(try Self.failing(Self.target(), mistake).isEmpty)
    }

    @Test("Weight decay that is not scaled cannot be seen in a few steps; the table of tensors shows it")
    func weightDecay() throws {
        let mistake = PlantedMistake(scaling: { spec in
            var scaling = spec.scaling
            scaling.weightDecay = 1
            return scaling
        })
        #expect(try Self.failing(Self.target(), mistake).isEmpty)
        let wide = try WidthFamily(Self.target()).configuration(width: 512, rules: .maximalUpdate(baseWidth: 64))
        let rows = TensorTable.rows(wide).filter { $0.weightDecay > 0 }
        #expect(rows.contains { $0.role == "hidden" && $0.widthRatio == 8 })
        for row in rows {
            let product = wide.optimizer.peakLearningRate * wide.optimizer.weightDecay
            #expect(abs(row.learningRate * row.weightDecay / product - 1) < 1e-12, "\(row.name)")
        }
    }
}
