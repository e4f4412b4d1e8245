import Corpus
import Encoder
import Objectives

/// This engine's own presets: of what was measured on CPUs, what learned most in the time (docs/RESULTS.md). A demo for minutes
/// on two cores, a small model for hours to days, a base model for servers, all made of the same.
extension Preset {
    /// What they have in common.
    ///
    /// Rotary positions, fan-in initial weights, a raised learning rate of the embeddings and Pre-LN bring a generator below the
    /// entropy of the tokens' frequencies within hundreds of steps; Muon with weight decay, and tables whose rows share their second
    /// moments, end at lower losses than AdamW in the same time. Detection of replaced tokens alone teaches slowly, and what it
    /// tells shared tables disturbs the generator: so the main encoder corrects what it detects (METRO), detection weighs 10
    /// instead of ELECTRA's 50, and only a difference of its own (GDES) comes to the tables from it, by an optimizer of its own.
    private static func applyMeasured(_ configuration: inout RunConfiguration) {
        configuration.model.positions = .rotary
        configuration.model.dropout = 0
        configuration.model.attentionDropout = 0
        configuration.model.normalization.placement = .pre
        configuration.model.initialization.scheme = .fanIn
        configuration.model.initialization.scaleResiduals = true
        configuration.model.generator.widthMultiplier = 1
        configuration.model.embeddingSharing = .disentangled
        configuration.model.initialization.zeroDetectionOutput = true
        configuration.objective.name = .metro
        configuration.objective.discriminatorWeight = 10
        configuration.parametrization.embeddingLearningRateMultiplier = 5
        configuration.optimizer.kind = .muon
        configuration.optimizer.coupledTables = true
        configuration.optimizer.separate = true
        configuration.optimizer.peakLearningRate = 2e-3
        configuration.optimizer.beta2 = 0.98
    }

    /// Feed-forward layers four times as wide as the model, tables as wide, and a generator as wide with a third of the layers.
    package static func setShape(_ model: inout ModelConfiguration, layerCount: Int, hiddenSize: Int, headCount: Int) {
        model.layerCount = layerCount
        model.hiddenSize = hiddenSize
        model.headCount = headCount
        model.intermediateSize = 4 * hiddenSize
        model.embeddingSize = hiddenSize
        model.generator.layerCount = max(1, layerCount / 3)
    }

    /// What becomes of these values where another objective is asked for: what only makes sense with METRO's is left out, and
    /// plain masked language modeling gets the masks that it learned most from.
    ///
    /// ELECTRA and COCO-LM take all of them.
    static func change(
        _ configuration: inout RunConfiguration, to objective: ObjectiveName, _ replacements: ReplacementSource
    ) {
        configuration.objective.name = objective
        if objective.readsReplacements { configuration.objective.replacements = replacements }
        if !configuration.objective.trainsGenerator { configuration.optimizer.separate = false }
        if !configuration.objective.hasGenerator { configuration.model.embeddingSharing = .shared }
        if !objective.detects {
            configuration.objective.discriminatorWeight = ObjectiveConfiguration().discriminatorWeight
            configuration.model.initialization.zeroDetectionOutput = false
        }
        if !objective.readsReplacements {
            configuration.objective.maskFraction = 0.3
            configuration.objective.finalMaskFraction = 0.15
        }
    }

    static func applyDemo(_ configuration: inout RunConfiguration) {
        applyMeasured(&configuration)
        setShape(&configuration.model, layerCount: 4, hiddenSize: 128, headCount: 4)
        configuration.corpus.sources = [CorpusSource(path: "corpora/sotu/*.txt", documentSeparator: .file)]
        configuration.corpus.sequenceLength = 64
        configuration.corpus.heldOut = 0.05
        configuration.tokenizer.vocabularySize = 4096
        // What README shows of it was measured with this one.
        configuration.tokenizer.pattern = .gpt2
        configuration.optimizer.warmupSteps = 100
        configuration.training.steps = 4000
        configuration.training.batchSize = 32
        configuration.training.evaluateEvery = 500
        configuration.training.checkpointEvery = 500
        configuration.evaluation.tokens = 32_768
        configuration.evaluation.samples = 2
    }

    /// 14 million parameters, as many as ELECTRA-small has; sequences of 128 tokens.
    static func applySmall(_ configuration: inout RunConfiguration) {
        applyMeasured(&configuration)
        setShape(&configuration.model, layerCount: 12, hiddenSize: 256, headCount: 4)
        configuration.corpus.sequenceLength = 128
        configuration.corpus.heldOut = 0.005
        configuration.tokenizer.vocabularySize = 16_384
        configuration.optimizer.warmupSteps = 1000
        configuration.training.steps = 100_000
        configuration.training.batchSize = 64
        configuration.training.evaluateEvery = 2000
        configuration.training.checkpointEvery = 1000
        configuration.evaluation.tokens = 65_536
    }

    /// BERT-base's layers, sequences of 512 tokens. Rates are those of `small`: muP carries them from its width to this one.
    static func applyBase(_ configuration: inout RunConfiguration) {
        applySmall(&configuration)
        setShape(&configuration.model, layerCount: 12, hiddenSize: 768, headCount: 12)
        configuration.parametrization.baseHiddenSize = 256
        configuration.corpus.sequenceLength = 512
        configuration.corpus.heldOut = 0.001
        configuration.tokenizer.vocabularySize = 32_768
        configuration.optimizer.warmupSteps = 2000
        configuration.training.steps = 200_000
    }
}
