import Corpus

/// A run that shows the whole engine within minutes on two cores.
///
/// Rotary positions, fan-in initial weights, a raised learning rate of the embeddings and Pre-LN bring the generator below the
/// entropy of the tokens' frequencies within hundreds of steps; published settings are made for far longer runs.
extension Preset {
    static func applyDemo(_ configuration: inout RunConfiguration) {
        configuration.model.hiddenSize = 128
        configuration.model.layerCount = 4
        configuration.model.headCount = 4
        configuration.model.intermediateSize = 512
        configuration.model.embeddingSize = 128
        configuration.model.positions = .rotary
        configuration.model.dropout = 0
        configuration.model.attentionDropout = 0
        configuration.model.normalization.placement = .pre
        configuration.model.initialization.scheme = .fanIn
        configuration.model.initialization.scaleResiduals = true
        configuration.model.generator.widthMultiplier = 0.5
        configuration.parametrization.embeddingLearningRateMultiplier = 5
        configuration.corpus.sources = [CorpusSource(path: "corpora/sotu/*.txt", documentSeparator: .file)]
        configuration.corpus.sequenceLength = 64
        configuration.corpus.heldOut = 0.05
        configuration.tokenizer.vocabularySize = 4096
        // What README shows of it was measured with this one.
        configuration.tokenizer.pattern = .gpt2
        configuration.optimizer.peakLearningRate = 2e-3
        configuration.optimizer.warmupSteps = 100
        configuration.optimizer.beta2 = 0.98
        configuration.training.steps = 3600
        configuration.training.batchSize = 32
        configuration.training.evaluateEvery = 600
        configuration.training.checkpointEvery = 600
        configuration.evaluation.tokens = 32_768
        configuration.evaluation.samples = 2
    }
}
