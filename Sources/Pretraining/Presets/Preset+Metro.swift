import Encoder

/// Values of COCO-LM (Meng et al. 2021, arXiv 2102.08473) and METRO-LM (Bajaj et al. 2022, arXiv 2204.06644), compared with
/// what their authors have released:
///
/// - COCO-LM: `cocolm_base` in github.com/microsoft/COCO-LM (shapes, auxiliary, heads, bins of distances, weights, dropout;
///   all chosen tokens show [MASK]), and the card and configuration of huggingface.co/microsoft/cocolm-base (batch, steps and
///   vocabulary of the base setting, epsilon of the norms). The auxiliary has the main encoder's dropout, samples without it
///   (`generator_sample_mode: eval`, the default), and shares tables and norm of the embeddings.
/// - METRO-LM has no release. Its encoder-decoder sibling has (METRO-T0: Gong et al. 2023, arXiv 2305.12567,
///   github.com/gonglinyuan/metro_t0, `metro_t5_base_64gpus.yaml` and `metro_t5_largepp_256gpus.yaml`): learning rate, batch,
///   steps, warmup, Adam's values, clipping, weights, auxiliary without dropout, correction weighed by detection (base model
///   alone), head that starts at 0, bins. There 10 % of the chosen tokens
///   stay and 10 % are random ones, and the large model's head has a dense layer and a norm first; here it is as in COCO-LM.
///   The large model's vocabulary of 128,000 is the paper's, as quoted by its readers.
///
/// Positions are learned beside the bias by distance, as in both releases; readers of METRO-LM's paper say that it has the
/// bias alone. Not compared, because the papers' own tables were not at hand: METRO-LM's, and COCO-LM's learning rate and
/// clipping.
extension Preset {
    /// What both have in common, in base size: an auxiliary of full width and few layers.
    private static func applyMetroShape(_ configuration: inout RunConfiguration) {
        configuration.model.hiddenSize = 768
        configuration.model.headCount = 12
        configuration.model.intermediateSize = 3072
        configuration.model.embeddingSize = 768
        configuration.model.generator.widthMultiplier = 1
        configuration.model.generator.layerCount = 4
        configuration.model.detectionHead = .linear
        configuration.model.relativeBias.sharing = .shared
        configuration.model.relativeBias.binning = .cocoLM
        configuration.model.normalization.epsilon = 1e-5
        configuration.objective.maskTokenFraction = 1
        configuration.corpus.sequenceLength = 512
        configuration.tokenizer.vocabularySize = 32_768
        configuration.training.batchSize = 2048
        configuration.training.steps = 125_000
        configuration.optimizer.warmupSteps = 10_000
        configuration.optimizer.beta2 = 0.98
    }

    /// What METRO has apart from COCO-LM.
    private static func applyMetro(_ configuration: inout RunConfiguration) {
        applyMetroShape(&configuration)
        configuration.objective.name = .metro
        // Without dropout in the auxiliary no second forward pass is needed to sample from it.
        configuration.model.generator.dropout = 0
        configuration.model.generator.attentionDropout = 0
        configuration.model.embeddingSharing = .tokenOnly
        configuration.model.initialization.zeroDetectionOutput = true
    }

    static func applyMetroBase(_ configuration: inout RunConfiguration) {
        applyMetro(&configuration)
        configuration.objective.weighsByDetection = true
        configuration.optimizer.peakLearningRate = 4e-4
        configuration.optimizer.clipNorm = 0
    }

    static func applyMetroLarge(_ configuration: inout RunConfiguration) {
        applyMetro(&configuration)
        configuration.model.hiddenSize = 1024
        configuration.model.layerCount = 24
        configuration.model.headCount = 16
        configuration.model.intermediateSize = 4096
        configuration.model.embeddingSize = 1024
        configuration.model.generator.layerCount = 6
        configuration.model.relativeBias.bins = 128
        configuration.model.relativeBias.maximumDistance = 256
        configuration.tokenizer.vocabularySize = 128_000
        configuration.training.steps = 2_000_000
        configuration.optimizer.peakLearningRate = 1e-4
        configuration.optimizer.clipNorm = 2
    }

    static func applyCocoLMBase(_ configuration: inout RunConfiguration) {
        applyMetroShape(&configuration)
        configuration.objective.name = .cocoLM
        configuration.objective.samplesWithoutDropout = true
        // Eight sequences, which are contrasted with one another.
        configuration.training.chunkTokens = 4096
        configuration.optimizer.peakLearningRate = 5e-4
        configuration.optimizer.clipNorm = 2
    }
}
