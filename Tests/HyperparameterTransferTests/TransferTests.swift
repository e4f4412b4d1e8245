import Configuration
import Encoder
import Foundation
import HyperparameterTransfer
import Kernels
import Parametrization
import Pretraining
import TestSupport
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

    @Test("Windows make a trial cheaper") func windowedFlops() {
        let trials = [AttentionPatternKind.full, .window].map { pattern in
            Trial(
                name: "",
                configuration: Self.target {
                    $0.corpus.sequenceLength = 4096
                    $0.model.attention.pattern = pattern
                    $0.model.attention.window = 256
                }, values: [:])
        }
        let flops = trials.map { $0.flops(vocabularySize: 1000) }
        #expect(flops[1] < 0.6 * flops[0], "\(flops)")
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

    @Test(
        "Costs and tokens of stages are their own, in every rung and in the verification; a stage of no step is refused"
    )
    func stages() throws {
        func plan(_ stages: [(steps: Int, length: Int, batch: Int?)], proxySteps: Int) throws -> TransferPlan {
            let target = Self.target {
                $0.training.steps = 4000
                $0.corpus.sequenceLength = 128
                $0.training.stages = stages.map { entry in
                    var stage = TrainingStage()
                    (stage.steps, stage.sequenceLength, stage.batchSize) = (entry.steps, entry.length, entry.batch)
                    return stage
                }
            }
            var options = TransferOptions()
            options.proxyWidth = 64
            options.proxySteps = proxySteps
            options.search = ["learning_rate=1e-3..8e-3:6"]
            options.verifyWidths = [64, 128, 256]
            return try TransferPlan(target, options)
        }
        let whole = try plan([], proxySteps: 1200)
        let staged = try plan([(2000, 32, 8)], proxySteps: 1200)
        #expect(staged.halving.rungs.map(\.steps) == [400, 1200])
        func tokens(_ plan: TransferPlan, rung: Int) -> Int {
            plan.trials(rung: rung, chosen: [0], tokenizer: "")[0].configuration.plannedTokens
        }
        for (rung, steps) in [400, 1200].enumerated() {
            #expect(tokens(whole, rung: rung) == steps * 16 * 128)
            #expect(tokens(staged, rung: rung) == steps / 2 * 8 * 32 + steps / 2 * 16 * 128)
        }
        // Half of the steps have an eighth of the tokens, each of which attends to less.
        for cost in [TransferPlan.searchFlops, TransferPlan.verifyFlops, TransferPlan.targetFlops] {
            let ratio = cost(staged)(1000) / cost(whole)(1000)
            #expect(ratio > 0.5 && ratio < 0.5625)
        }
        let (_, notes) = try plan([(2000, 32, 8)], proxySteps: 4000).transferred([:])
        #expect(notes.isEmpty)
        // Ends are rounded: five stages of a tenth each have half of any run.
        let five = try plan((0..<5).map { _ in (400, 32, nil) }, proxySteps: 1003)
        #expect(five.proxy.training.stages.map(\.steps).reduce(0, +) == 502)
        let error = #expect(throws: TransferError.self) { _ = try plan([(1, 32, nil)], proxySteps: 1200) }
        #expect(error?.description.contains("training.stages.0") == true)
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

    /// The generator's heads have half the size of the discriminator's.
    private static let otherHeads = target {
        $0.model.headCount = 4
        $0.model.generator.headCount = 4
    }

    @Test("At the base width muP equals the standard parametrization, for a generator with heads of another size too")
    func generatorHeads() throws {
        let family = WidthFamily(Self.otherHeads)
        let proxy = try family.configuration(width: 256, rules: .maximalUpdate(baseWidth: 256))
        #expect(proxy.parametrization.baseHeadSize == 64 && proxy.parametrization.generatorBaseHeadSize == 32)
        let standard = try family.configuration(width: 256, rules: .standard)
        // What multiplies is the query's row.
        #expect(
            TensorTable.rows(proxy).map(\.multiplier) == TensorTable.rows(standard).map(\.multiplier))
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        var small = Self.otherHeads
        small.model.layerCount = 1
        small.corpus.sequenceLength = 16
        small.tokenizer.vocabularySize = 100
        let check = try CoordinateCheck(small, widths: [128, 256], steps: 2, seeds: 1, tokens: 32)
        let sizes = try [.maximalUpdate(baseWidth: 256), WidthFamily.Rules.standard].map { rules in
            try check.measure(rules, pool: pool).filter { $0.width == 256 }
        }
        #expect(sizes[0] == sizes[1] && sizes[0].contains { $0.module == "generator.logits" && $0.change > 0 })
        // The discriminator's base holds for both where it stands alone, as it always has.
        var alone = ParametrizationConfiguration()
        alone.baseHeadSize = 64
        #expect(alone.generatorAttentionScale(headSize: 32) == 8.0 / 32)
        alone.generatorBaseHeadSize = 32
        #expect(alone.generatorAttentionScale(headSize: 32) == 32.0.squareRoot() / 32)
    }

    @Test("Trials share a key only where they are one run")
    func keys() throws {
        let family = WidthFamily(Self.otherHeads)
        func key(_ change: (inout RunConfiguration) -> Void) throws -> String {
            var configuration = try family.configuration(width: 256, rules: .maximalUpdate(baseWidth: 256))
            configuration.model.normalization.placement = .pre
            change(&configuration)
            return try Trial(name: "", configuration: configuration, values: [:]).key
        }
        let base = try key { _ in }
        #expect(try base == key { $0.parametrization = ParametrizationConfiguration() })
        #expect(
            try base
                == key {
                    $0.parametrization.baseLayerCount = 4
                    $0.parametrization.generatorBaseLayerCount = 4
                })
        let others: [(inout RunConfiguration) -> Void] = [
            { $0.parametrization.baseHiddenSize = 128 }, { $0.parametrization.generatorBaseHiddenSize = 64 },
            { $0.parametrization.baseEmbeddingSize = 64 }, { $0.parametrization.baseHeadSize = 32 },
            { $0.parametrization.generatorBaseHeadSize = 64 }, { $0.parametrization.baseLayerCount = 2 },
            {
                $0.parametrization.baseLayerCount = 4
                $0.parametrization.generatorBaseLayerCount = 2
            },
        ]
        let keys = try others.map { try key($0) }
        #expect(Set(keys + [base]).count == others.count + 1)
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
        expected.parametrization.generatorBaseHeadSize = 32
        #expect(try ConfigurationWriter.yaml(read) == ConfigurationWriter.yaml(expected))
        #expect(notes.count == 1 && notes[0].contains("no rule was applied"))
    }

    @Test("A proxy's batch scales those of stages; what a search could not judge or build is refused before it begins")
    func stagesAndRefusals() throws {
        var options = TransferOptions()
        options.proxyWidth = 64
        options.proxySteps = 400
        options.proxyBatch = 8
        let staged = Self.target {
            var (first, second) = (TrainingStage(), TrainingStage())
            (first.steps, first.batchSize) = (250, 4)
            second.steps = 250
            $0.training.stages = [first, second]
            $0.training.accumulationSteps = 4
        }
        let training = try TransferPlan(staged, options).proxy.training
        #expect(training.stages.map(\.batchSize) == [2, nil] && training.sequencesPerStep == 8)
        func problem(_ target: RunConfiguration) -> String {
            "\(#expect(throws: TransferError.self) { _ = try TransferPlan(target, options) } as Any)"
        }
        #expect(problem(Self.target { $0.corpus.heldOut = 0 }).contains("corpus.held_out is 0"))
        let frozen = Self.target {
            $0.objective.replacements = .frozen
            $0.objective.frozenGenerator.checkpoint = "c"
            $0.model.embeddingSharing = .separate
        }
        #expect(problem(frozen).contains("--proxy-width 256"))
        options.proxyWidth = 256
        #expect(throws: Never.self) { _ = try TransferPlan(frozen, options) }
        options.search = ["output_multiplier=1,2"]
        #expect(problem(frozen).contains("without output_multiplier"))
    }

    @Test("A watch that goes on has seen what came before, and says the same")
    func divergence() throws {
        let losses = (1...60).map { $0 < 40 ? 5 : 5 + 0.5 * Double($0 - 40) }
        let folder = try TemporaryFolder()
        var (watch, record) = (DivergenceWatch(warmup: 10), StepLosses(folder: folder.path))
        let whole = losses.enumerated().first { step, loss in
            record.set(step: step + 1, loss)
            return watch.sees(step: step + 1, loss: loss)
        }?.offset
        for begin in [3, 20, 30, 43] {
            var resumed = DivergenceWatch(warmup: 10)
            resumed.resume(record.before(step: begin + 1))
            let found = losses.enumerated().dropFirst(begin).first { resumed.sees(step: $0 + 1, loss: $1) }?.offset
            #expect(found == whole)
        }
        #expect(whole == 44)
        // Skipped steps are no losses, nor is what was not there when an earlier version began.
        let other = try TemporaryFolder()
        var gaps = StepLosses(folder: other.path)
        for step in [1, 2, 5, 6] { gaps.set(step: step, Double(step)) }
        #expect(gaps.before(step: 9) == [1, 2, 5, 6])
        gaps.remove()
        var late = StepLosses(folder: other.path)
        late.set(step: 501, 3)
        #expect(late.before(step: 502).isEmpty && StepLosses(folder: other("none")).before(step: 3).isEmpty)
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

    @Test("With two optimizers every tensor has its own optimizer's rate, decay and epsilon, and its head's multiplier")
    func twoOptimizers() throws {
        let target = Self.target {
            $0.optimizer.separate = true
            $0.model.embeddingSharing = .disentangled
            $0.model.generator.tiedOutput = false
            $0.optimizer.peakLearningRate = 1e-3
            $0.optimizer.weightDecay = 0.01
            $0.optimizer.generator.peakLearningRate = 3e-3
            $0.optimizer.generator.weightDecay = 0.05
            $0.optimizer.generator.epsilon = 1e-8
        }
        let wide = try WidthFamily(target).configuration(width: 256, rules: .maximalUpdate(baseWidth: 64))
        let rows = Dictionary(uniqueKeysWithValues: TensorTable.rows(wide).map { ($0.name, $0) })
        func expect(_ name: String, rate: Double, decay: Double, epsilon: Double, multiplier: Double) throws {
            let row = try #require(rows[name], "\(name)")
            let found = [row.learningRate, row.weightDecay, row.epsilon, row.multiplier]
            for (value, wanted) in zip(found, [rate, decay, epsilon, multiplier]) {
                #expect(abs(value - wanted) <= 1e-12 * max(1, abs(wanted)), "\(name): \(found)")
            }
        }
        try expect(
            "generator.layers.0.attention.value.weight", rate: 3e-3 / 4, decay: 0.2, epsilon: 1e-8 / 4, multiplier: 1)
        try expect(
            "discriminator.layers.0.attention.value.weight", rate: 1e-3 / 4, decay: 0.04, epsilon: 1e-6 / 4,
            multiplier: 1)
        try expect("generator.head.output.weight", rate: 3e-3, decay: 0.05, epsilon: 1e-8 / 4, multiplier: 0.25)
        try expect("discriminator.head.output.weight", rate: 1e-3, decay: 0.01, epsilon: 1e-6 / 4, multiplier: 0.25)
    }

    @Test("A suggested proxy is the largest within a quarter")
    func suggestion() throws {
        #expect(try WidthFamily(Self.target()).suggestedWidth() == 64)
        #expect(throws: TransferError.self) {
            _ = try WidthFamily(Self.target { $0.model.headCount = 16 }).suggestedWidth()
        }
    }

    @Test("Where there is no generator, its shape keeps no proxy away")
    func withoutGenerator() throws {
        // 77, which no width keeps in proportion.
        var target = Self.target { $0.model.generator.widthMultiplier = 0.3 }
        #expect(WidthFamily(target).widths.isEmpty)
        target.objective.name = .maskedLanguageModel
        let masked = WidthFamily(target)
        #expect(try masked.suggestedWidth() == 64)
        let parametrization = try masked.parametrization(.maximalUpdate(baseWidth: 64), proxyDepth: nil)
        #expect(parametrization.baseHiddenSize == 64 && parametrization.generatorBaseHiddenSize == nil)
    }
}
