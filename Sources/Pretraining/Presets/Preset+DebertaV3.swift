import Encoder

/// DeBERTaV3's values (He et al. 2021, arXiv 2111.09543).
///
/// Learning rate, batch, steps, warmup and betas are those of section 4.1, the weight of the detection loss that of section
/// 3.1, as quoted by readers of the paper; its table of hyperparameters was not at hand. The rest was compared with
/// github.com/microsoft/DeBERTa: `rtd_small.json` and `rtd_base.json` (shapes, dropout, epsilon of the norms, vocabulary,
/// sharing, attention), `masked_language_model.py` (mask decoder), `rtd_task.py` (all chosen tokens show [MASK], one of each
/// stretch, two optimizers, the generator's first), `replaced_token_detection_model.py` (head),
/// `optims/args.py` (decay, clipping, Adam's epsilon). Its example on a small corpus, `rtd.sh`, differs: 1e-4 for the base
/// model, 256 sequences, beta 2 of 0.999, weight 10.
extension Preset {
    private static func applyDebertaV3(_ configuration: inout RunConfiguration) {
        configuration.model.hiddenSize = 768
        configuration.model.headCount = 12
        configuration.model.intermediateSize = 3072
        configuration.model.embeddingSize = 768
        configuration.model.embeddingSharing = .disentangled
        configuration.model.detectionHead = .withClassification
        configuration.model.positions = .none
        configuration.model.attention.disentangled = true
        configuration.model.normalization.epsilon = 1e-7
        // The generator has the width of the discriminator and half its depth.
        configuration.model.generator.widthMultiplier = 1
        configuration.model.generator.maskDecoder = true
        configuration.objective.maskDrawing = .stratified
        configuration.objective.maskTokenFraction = 1
        configuration.corpus.sequenceLength = 512
        configuration.tokenizer.vocabularySize = 128_100
        configuration.training.batchSize = 8192
        configuration.training.steps = 500_000
        configuration.optimizer.separate = true
        configuration.optimizer.generatorFirst = true
        configuration.optimizer.peakLearningRate = 5e-4
        configuration.optimizer.warmupSteps = 10_000
        configuration.optimizer.beta2 = 0.98
        // `optims/xadam.py` passes 0 for it.
        configuration.optimizer.biasCorrection = false
    }

    static func applyDebertaV3Small(_ configuration: inout RunConfiguration) {
        applyDebertaV3(&configuration)
        configuration.model.layerCount = 6
        configuration.model.generator.layerCount = 3
    }

    static func applyDebertaV3Base(_ configuration: inout RunConfiguration) {
        applyDebertaV3(&configuration)
        configuration.model.generator.layerCount = 6
    }
}
