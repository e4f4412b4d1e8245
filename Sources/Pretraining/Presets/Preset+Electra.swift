/// ELECTRA's published values (Clark et al. 2020, arXiv 2003.10555, table 6), and what its release does that the paper does
/// not say (github.com/google-research/electra). The defaults of `RunConfiguration` have the small model's shape and numbers.
extension Preset {
    /// `model/optimization.py`: no bias correction, warmup times decay. `model/modeling.py`, `run_pretraining.py`: layers
    /// without an initializer of their own have TensorFlow's, which is Glorot's.
    static func applyElectra(_ configuration: inout RunConfiguration) {
        configuration.optimizer.biasCorrection = false
        configuration.optimizer.decayStart = .withWarmup
        configuration.model.initialization.glorotProjections = true
    }

    /// With its examples: `build_pretraining_dataset.py` makes pairs.
    static func applyElectraSmall(_ configuration: inout RunConfiguration) {
        applyElectra(&configuration)
        configuration.corpus.pairs = true
    }

    static func applyElectraBase(_ configuration: inout RunConfiguration) {
        applyElectra(&configuration)
        configuration.model.hiddenSize = 768
        configuration.model.headCount = 12
        configuration.model.intermediateSize = 3072
        configuration.model.embeddingSize = 768
        configuration.model.generator.widthMultiplier = 1.0 / 3
        configuration.corpus.sequenceLength = 512
        configuration.training.batchSize = 256
        configuration.training.steps = 766_000
        configuration.optimizer.peakLearningRate = 2e-4
    }

    static func applyElectraLarge(_ configuration: inout RunConfiguration) {
        applyElectraSmall(&configuration)
        configuration.model.hiddenSize = 1024
        configuration.model.layerCount = 24
        configuration.model.headCount = 16
        configuration.model.intermediateSize = 4096
        configuration.model.embeddingSize = 1024
        configuration.corpus.sequenceLength = 512
        configuration.objective.maskFraction = 0.25
        configuration.training.batchSize = 2048
        configuration.training.steps = 400_000
        configuration.optimizer.peakLearningRate = 2e-4
    }
}
