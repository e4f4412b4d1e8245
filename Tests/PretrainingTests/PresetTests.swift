import Configuration
import Encoder
import Engine
import Objectives
import Pretraining
import Testing

@Suite("Presets and cost")
struct PresetTests {
    @Test("Every preset is valid and survives writing and reading", arguments: Preset.allCases)
    func roundTrip(_ preset: Preset) throws {
        let configuration = preset.configuration
        try ConfigurationLookup.validate(configuration)
        let yaml = try ConfigurationWriter.yaml(configuration)
        var read = RunConfiguration()
        try ConfigurationReader.read(yaml: yaml, into: &read)
        #expect(try ConfigurationWriter.yaml(read) == yaml)
        #expect(read.model.preset == preset.rawValue)
    }

    /// arXiv 2003.10555, table 6.
    @Test("Published sizes and hyperparameters")
    func published() {
        let small = Preset.electraSmall.configuration
        #expect(
            small.model.discriminatorShape
                == .init(hiddenSize: 256, layerCount: 12, headCount: 4, intermediateSize: 1024))
        #expect(
            small.model.generatorShape == .init(hiddenSize: 64, layerCount: 12, headCount: 1, intermediateSize: 256))
        #expect(small.model.embeddingSize == 128 && small.corpus.sequenceLength == 128)
        #expect(small.training.batchSize == 128 && small.training.steps == 1_000_000)
        #expect(small.optimizer.peakLearningRate == 5e-4 && small.optimizer.warmupSteps == 10_000)

        let base = Preset.electraBase.configuration
        #expect(
            base.model.discriminatorShape
                == .init(hiddenSize: 768, layerCount: 12, headCount: 12, intermediateSize: 3072))
        #expect(
            base.model.generatorShape == .init(hiddenSize: 256, layerCount: 12, headCount: 4, intermediateSize: 1024))
        #expect(base.training.batchSize == 256 && base.training.steps == 766_000)
        #expect(base.optimizer.peakLearningRate == 2e-4 && base.objective.maskFraction == 0.15)

        let large = Preset.electraLarge.configuration
        #expect(
            large.model.discriminatorShape
                == .init(hiddenSize: 1024, layerCount: 24, headCount: 16, intermediateSize: 4096))
        #expect(
            large.model.generatorShape == .init(hiddenSize: 256, layerCount: 24, headCount: 4, intermediateSize: 1024))
        #expect(large.training.batchSize == 2048 && large.training.steps == 400_000)
        #expect(large.objective.maskFraction == 0.25)
    }

    @Test("The engine's own presets differ in size alone, and muP carries the rates of the small one to the base one")
    func own() throws {
        let (small, base) = (Preset.small.configuration, Preset.base.configuration)
        /// Of the main encoder, which is what users take along.
        func parameters(_ preset: RunConfiguration) -> Int {
            TrainingEngine.model(preset.engine, vocabularySize: preset.tokenizer.vocabularySize).layout.specs
                .filter { $0.name.hasPrefix("discriminator.") }.reduce(0) { $0 + $1.count }
        }
        #expect((13_000_000...15_000_000).contains(parameters(small)) && small.corpus.sequenceLength == 128)
        #expect((105_000_000...115_000_000).contains(parameters(base)))
        for preset in [small, base] {
            #expect(preset.optimizer.kind == .muon && preset.optimizer.coupledTables)
            #expect(preset.optimizer.muon == Preset.demo.configuration.optimizer.muon)
            #expect(preset.optimizer.peakLearningRate == Preset.demo.configuration.optimizer.peakLearningRate)
            #expect(preset.objective.name == small.objective.name)
        }
        #expect(
            base.parametrization.baseHiddenSize == small.model.hiddenSize && small.parametrization.baseHiddenSize == nil
        )
        #expect(base.model.hiddenSize / base.model.headCount == small.model.hiddenSize / small.model.headCount)
    }

    @Test("The engine's own presets take any objective, without what is another's", arguments: ObjectiveName.allCases)
    func objectives(_ objective: ObjectiveName) throws {
        for preset in [Preset.demo, .small, .base] {
            let (configuration, _) = try RunConfiguration.resolve(
                file: nil, preset: preset.rawValue, settings: ["objective.name=\(objective.rawValue)"])
            try ConfigurationLookup.validate(configuration)
            #expect(configuration.objective.name == objective && configuration.optimizer.kind == .muon)
            #expect((configuration.objective.maskFraction == 0.3) == (objective == .maskedLanguageModel))
        }
        for source in ReplacementSource.allCases where objective.readsReplacements {
            var settings = ["objective.name=\(objective.rawValue)", "objective.replacements=\(source.rawValue)"]
            if source == .frozen { settings.append("objective.frozen_generator.checkpoint=checkpoints/demo") }
            let (configuration, _) = try RunConfiguration.resolve(file: nil, preset: "small", settings: settings)
            #expect(configuration.optimizer.separate == (source == .generator))
        }
        // Published values stay what they are.
        let published = try Preset.defaults(named: "metro-base", objective: objective.rawValue, origin: "")
        #expect(published.objective == Preset.metroBase.configuration.objective)
    }

    /// arXiv 2204.06644, 2102.08473 and their releases; arXiv 2111.09543.
    @Test("METRO's, COCO-LM's and DeBERTaV3's values")
    func relatives() {
        let base = Preset.metroBase.configuration
        #expect(base.objective.name == .metro && base.model.embeddingSharing == .tokenOnly)
        #expect(base.model.generatorShape.layerCount == 4 && base.model.generatorShape.hiddenSize == 768)
        #expect(base.model.of(.generator).dropout == 0 && base.model.of(.discriminator).dropout == 0.1)
        #expect(base.optimizer.peakLearningRate == 4e-4 && base.training.steps == 125_000)
        #expect(base.training.batchSize == 2048 && base.optimizer.clipNorm == 0 && base.optimizer.beta2 == 0.98)
        let large = Preset.metroLarge.configuration
        #expect(
            large.model.generatorShape == .init(hiddenSize: 1024, layerCount: 6, headCount: 16, intermediateSize: 4096))
        #expect(large.optimizer.peakLearningRate == 1e-4 && large.optimizer.clipNorm == 2)
        #expect(large.model.relativeBias.bins == 128 && large.model.relativeBias.maximumDistance == 256)
        #expect(base.model.initialization.zeroDetectionOutput && large.model.initialization.zeroDetectionOutput)
        #expect(base.tokenizer.vocabularySize == 32_768 && large.tokenizer.vocabularySize == 128_000)
        let coco = Preset.cocoLMBase.configuration
        #expect(coco.training.batchSize == 2048 && coco.training.steps == 125_000)
        #expect(coco.tokenizer.vocabularySize == 32_768 && !coco.model.initialization.zeroDetectionOutput)
        #expect(coco.model.relativeBias.bins == 32 && coco.model.relativeBias.maximumDistance == 128)
        #expect(coco.objective.name == .cocoLM && coco.objective.contrast == 1 && coco.objective.correction == 1)
        let small = Preset.debertaV3Small.configuration
        #expect(small.model.layerCount == 6 && small.model.generatorShape.layerCount == 3)
        let deberta = Preset.debertaV3Base.configuration
        #expect(deberta.model.layerCount == 12 && deberta.model.generatorShape.layerCount == 6)
        #expect(deberta.model.embeddingSharing == .disentangled && deberta.optimizer.separate)
        #expect(deberta.objective.maskTokenFraction == 1 && deberta.model.detectionHead == .withClassification)
        #expect(deberta.objective.discriminatorWeight == 50 && deberta.model.normalization.epsilon == 1e-7)
        for preset in [small, deberta] {
            #expect(preset.optimizer.peakLearningRate == 5e-4 && preset.optimizer.beta2 == 0.98)
            #expect(preset.training.batchSize == 8192 && preset.training.steps == 500_000)
        }
    }

    @Test("Costs follow what is computed")
    func objectiveCosts() {
        func flops(_ change: (inout RunConfiguration) -> Void) -> Double {
            var configuration = Preset.electraSmall.configuration
            configuration.model.embeddingSize = 256
            change(&configuration)
            return ModelCost.flopsPerToken(configuration.engine, vocabularySize: 30522, attendedTokens: 128)
        }
        let electra = flops { _ in }
        let random = flops { $0.objective.replacements = .random }
        let frozen = flops { $0.objective.replacements = .frozen }
        let metro = flops { $0.objective.name = .metro }
        // A frozen generator costs its forward pass: a third.
        #expect(abs((frozen - random) - (electra - random) / 3) < 1)
        #expect(abs(metro - electra - 6 * 0.15 * 256 * 30522) < 1)
        let all = flops {
            $0.objective.name = .cocoLM
            $0.objective.correctiveTokens = .all
            $0.objective.contrastiveWeight = 0
        }
        #expect(abs(all - electra - 6 * 256 * 30522) < 1)
        let encoder = flops { $0.objective.name = .maskedLanguageModel }
        #expect(encoder < electra && encoder > 0.8 * random)
    }

    @Test("ELECTRA-small costs 70 MFLOP per token at 128 tokens")
    func cost() {
        let flops = ModelCost.flopsPerToken(
            Preset.electraSmall.configuration.engine, vocabularySize: 30522, attendedTokens: 128)
        #expect(abs(flops - 70e6) < 1e6)
    }

    @Test("A gate costs half as many operations of the feed-forward again")
    func gatedCost() {
        var configuration = Preset.electraSmall.configuration
        func flops() -> Double {
            ModelCost.flopsPerToken(configuration.engine, vocabularySize: 30522, attendedTokens: 128)
        }
        let plain = flops()
        configuration.model.feedForward = .geglu
        #expect(abs(flops() - plain - 6 * 12 * Double(256 * 1024 + 64 * 256)) < 1)
    }

    @Test("An unknown preset is named with those there are")
    func unknown() {
        let error = #expect(throws: UnknownPreset.self) {
            try Preset.defaults(named: "electra-smal", origin: "run.yaml")
        }
        #expect(error.map { "\($0)" }?.contains("electra-small") == true)
    }
}
