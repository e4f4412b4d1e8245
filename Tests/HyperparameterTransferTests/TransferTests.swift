import Configuration
import Encoder
import Foundation
import HyperparameterTransfer
import Parametrization
import Pretraining
import Testing

@Suite("Widths, refusals and what is written for the target")
struct TransferTests {
    static func target(_ change: (inout RunConfiguration) -> Void = { _ in }) -> RunConfiguration {
        var configuration = RunConfiguration()
        configuration.model.hiddenSize = 256
        configuration.model.headCount = 8
        configuration.model.intermediateSize = 1024
        configuration.model.embeddingSize = 256
        configuration.model.layerCount = 4
        configuration.model.generator.widthMultiplier = 0.5
        configuration.tokenizer.vocabularySize = 1000
        configuration.training.steps = 1000
        configuration.training.batchSize = 16
        configuration.optimizer.warmupSteps = 100
        change(&configuration)
        return configuration
    }

    @Test("Stages, warmup and decay keep their shares in shorter trials, and a generator's own rate its proportion")
    func proportions() throws {
        let target = Self.target {
            $0.training.steps = 4000
            $0.optimizer.warmupSteps = 400
            var (first, second) = (TrainingStage(), TrainingStage())
            (first.steps, first.sequenceLength) = (1000, 32)
            (second.steps, second.sequenceLength) = (2000, 64)
            $0.training.stages = [first, second]
            $0.optimizer.separate = true
            $0.optimizer.peakLearningRate = 1e-3
            $0.optimizer.generator.peakLearningRate = 2e-3
        }
        var options = TransferOptions()
        options.proxyWidth = 64
        options.proxySteps = 400
        options.search = ["learning_rate=1e-3,4e-3"]
        let plan = try TransferPlan(target, options)
        #expect(plan.proxy.training.stages.map(\.steps) == [100, 200] && plan.proxy.optimizer.warmupSteps == 40)
        #expect(throws: Never.self) { try plan.proxy.validate() }
        var trial = plan.proxy
        Hyperparameter.learningRate.set(4e-3, in: &trial)
        #expect(trial.optimizer.peakLearningRate == 4e-3 && trial.optimizer.generator.peakLearningRate == 8e-3)
        // The rules carry both along as well.
        options.rules = TransferRules(batch: false, horizon: true)
        let ruled = try TransferPlan(target, options).transferred([:]).configuration.optimizer
        let factor = ruled.peakLearningRate / target.optimizer.peakLearningRate
        let own = try #require(ruled.generator.peakLearningRate)
        #expect(factor < 1 && abs(own / 2e-3 / factor - 1) < 1e-12)
        let (found, _) = try plan.transferred([.learningRate: 4e-3])
        #expect(found.optimizer.generator.peakLearningRate == 8e-3 && found.training.stages == target.training.stages)
    }

    @Test("Members keep all proportions, and muP equals the standard parametrization at the base")
    func members() throws {
        let family = WidthFamily(Self.target())
        #expect(family.embeddingGrows)
        let proxy = try family.configuration(width: 64, rules: .maximalUpdate(baseWidth: 64))
        #expect(
            proxy.model.discriminatorShape == .init(hiddenSize: 64, layerCount: 4, headCount: 2, intermediateSize: 256))
        #expect(proxy.model.generatorShape == .init(hiddenSize: 32, layerCount: 4, headCount: 1, intermediateSize: 128))
        #expect(proxy.model.embeddingSize == 64)
        let standard = try family.configuration(width: 64, rules: .standard)
        #expect(standard.parametrization == ParametrizationConfiguration())
        let rates = [TensorTable.rows(proxy), TensorTable.rows(standard)].map { rows in
            rows.map { [$0.initialization, $0.learningRate, $0.multiplier, $0.weightDecay, $0.epsilon] }
        }
        #expect(rates[0] == rates[1])
        let wide = try family.configuration(width: 256, rules: .maximalUpdate(baseWidth: 64))
        #expect(wide.parametrization.generatorBaseHiddenSize == 32 && wide.parametrization.baseHeadSize == 32)
        let rows = Dictionary(uniqueKeysWithValues: TensorTable.rows(wide).map { ($0.name, $0) })
        let query = try #require(rows["discriminator.layers.0.attention.query.weight"])
        #expect(abs(query.learningRate - wide.optimizer.peakLearningRate / 4) < 1e-15)
        #expect(abs(query.learningRate * query.weightDecay - wide.optimizer.peakLearningRate * 0.01) < 1e-15)
        #expect(rows["embeddings.word"]?.multiplier == 0.25)
        #expect(rows["discriminator.head.output.weight"]?.multiplier == 0.25)
    }

    @Test("A fixed embedding size stays, and a width that would meet it is refused")
    func fixedEmbedding() throws {
        let family = WidthFamily(Self.target { $0.model.embeddingSize = 64 })
        #expect(!family.embeddingGrows)
        let member = try family.configuration(width: 192, rules: .maximalUpdate(baseWidth: 192))
        #expect(member.model.embeddingSize == 64 && member.parametrization.baseEmbeddingSize == 64)
        // The discriminator at 64, and the generator at 128, would have no projection.
        for width in [64, 128] {
            let error = #expect(throws: TransferError.self) {
                _ = try family.configuration(width: width, rules: .standard)
            }
            #expect(error?.description.contains("projection") == true)
        }
    }

    @Test("Small heads, broken proportions and other depths are refused with the reason")
    func refusals() throws {
        func reason(_ target: RunConfiguration, _ change: (inout TransferOptions) -> Void) -> String {
            var options = TransferOptions()
            options.proxyWidth = 64
            change(&options)
            let error = #expect(throws: TransferError.self) { _ = try TransferPlan(target, options) }
            return error?.description ?? ""
        }
        #expect(reason(Self.target()) { $0.proxyWidth = 32 }.contains("below 32"))
        #expect(reason(Self.target { $0.model.headCount = 16 }) { $0.proxyWidth = 128 }.contains("below 32"))
        #expect(reason(Self.target()) { $0.proxyWidth = 512 }.contains("above the target's"))
        #expect(reason(Self.target()) { $0.proxyWidth = 72 }.contains("72"))
        for placement in [NormalizationPlacement.post, .mix] {
            let target = Self.target { $0.model.normalization.placement = placement }
            #expect(reason(target) { $0.proxyLayers = 2 }.contains("only under Pre-LN"))
        }
        #expect(reason(Self.target()) { $0.verifyWidths = [64, 128] }.contains("three or more"))
        #expect(reason(Self.target()) { $0.search = ["warmup=1..2"] }.contains("no hyperparameter \"warmup\""))
    }

    @Test("Under Pre-LN a shallower proxy turns on the rules for depth")
    func depth() throws {
        var options = TransferOptions()
        options.proxyWidth = 64
        options.proxyLayers = 2
        let plan = try TransferPlan(Self.target { $0.model.normalization.placement = .pre }, options)
        #expect(plan.proxy.model.layerCount == 2 && plan.proxy.model.generatorShape.layerCount == 2)
        let written = try plan.transferred([.learningRate: 0.003]).configuration
        #expect(written.parametrization.baseLayerCount == 2 && written.model.layerCount == 4)
        let rows = TensorTable.rows(written)
        let output = try #require(rows.first { $0.name == "discriminator.layers.0.feed_forward.output.weight" })
        // Width ratio 4, depth ratio 2.
        #expect(abs(output.learningRate - 0.003 / 8) < 1e-12)
        #expect(abs(output.learningRate * output.weightDecay - 0.003 * 0.01) < 1e-12)
    }

    @Test("What is written reads back as the target with base widths and values")
    func written() throws {
        var options = TransferOptions()
        options.proxyWidth = 64
        options.proxySteps = 500
        let plan = try TransferPlan(Self.target(), options)
        #expect(plan.proxy.optimizer.warmupSteps == 50)
        let (configuration, notes) = try plan.transferred([.learningRate: 0.004, .attentionMultiplier: 2])
        var read = RunConfiguration()
        try ConfigurationReader.read(
            yaml: try ConfigurationWriter.yaml(configuration, comments: true), origin: "test", into: &read)
        var expected = Self.target()
        expected.optimizer.peakLearningRate = 0.004
        expected.parametrization.attentionMultiplier = 2
        expected.parametrization.baseHiddenSize = 64
        expected.parametrization.generatorBaseHiddenSize = 32
        expected.parametrization.baseEmbeddingSize = 64
        expected.parametrization.baseHeadSize = 32
        #expect(try ConfigurationWriter.yaml(read) == ConfigurationWriter.yaml(expected))
        #expect(notes.count == 1 && notes[0].contains("no rule was applied"))
    }

    @Test("Rules across batch and horizon act only where they are asked for")
    func rules() throws {
        var options = TransferOptions()
        options.proxyWidth = 64
        options.proxyBatch = 4
        options.proxySteps = 1000
        let off = try TransferPlan(Self.target(), options).transferred([.learningRate: 0.004]).configuration
        #expect(off.optimizer.peakLearningRate == 0.004 && off.optimizer.beta2 == 0.999)
        options.rules = TransferRules(batch: true, horizon: true)
        let on = try TransferPlan(Self.target(), options).transferred([.learningRate: 0.004]).configuration
        // Four times the batch and, at equal steps, four times the tokens.
        #expect(abs(on.optimizer.peakLearningRate - 0.004 * 2 * pow(4, -0.3)) < 1e-12)
        #expect(abs(on.optimizer.beta2 - 0.996) < 1e-12 && abs(on.optimizer.beta1 - 0.6) < 1e-12)
    }

    @Test("A suggested proxy is the largest within a quarter")
    func suggestion() throws {
        #expect(try WidthFamily(Self.target()).suggestedWidth() == 64)
        #expect(throws: TransferError.self) {
            _ = try WidthFamily(Self.target { $0.model.headCount = 16 }).suggestedWidth()
        }
    }
}
