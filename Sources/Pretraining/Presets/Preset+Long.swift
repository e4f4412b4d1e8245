import Encoder

/// Models of long documents.
extension Preset {
    /// ELECTRA's networks with Longformer's attention (Beltagy et al. 2020, arXiv 2004.05150): documents of 4,096 tokens,
    /// windows of 512, and a global first token with projections of its own, as in replaced-token detection of legal text
    /// (Niklaus & Giofré 2022, arXiv 2211.17135).
    ///
    /// Length, window and projections are those of Longformer's release (huggingface.co/allenai/longformer-base-4096), the
    /// rest is ELECTRA's. Batch and steps are this engine's choice: the second paper's table was not at hand.
    static func applyLongformer(_ configuration: inout RunConfiguration) {
        configuration.model.maximumPositions = 4096
        configuration.model.attention.pattern = .window
        configuration.model.attention.window = 512
        configuration.model.attention.globalTokens = .documents
        configuration.model.attention.globalProjections = .own
        configuration.corpus.sequenceLength = 4096
        configuration.training.batchSize = 32
        configuration.training.steps = 100_000
        configuration.training.lanes = 8
        configuration.training.recomputation = .feedForward
    }

    /// ELECTRA-small's width with ModernBERT's layers (Warner et al. 2024, arXiv 2412.13663): every third layer full, the
    /// others windows of 128, rotary positions with a base for either, gated feed-forward, Pre-LN, no biases, no dropout.
    ///
    /// These are the values of `ModernBertConfig` and the forms of `modeling_modernbert.py` in Hugging Face's transformers: no
    /// norm before the first attention, and initial values of residual outputs divided by √(2 · layers). Sizes, length, batch
    /// and steps are chosen for a small model; the objective and the optimizer are not ModernBERT's.
    static func applyModernSmall(_ configuration: inout RunConfiguration) {
        configuration.model.positions = .rotary
        configuration.model.rotaryBase = 160_000
        configuration.model.attention.pattern = .alternating
        configuration.model.attention.window = 128
        configuration.model.attention.fullEvery = 3
        configuration.model.attention.localRotaryBase = 10_000
        configuration.model.feedForward = .geglu
        // As many feed-forward weights as two matrices of 1,024: a gate makes it three of 683, in units of 8.
        configuration.model.intermediateSize = 688
        // A quarter, in units of 8 as well.
        configuration.model.generator.intermediateSize = 176
        configuration.model.biases = false
        configuration.model.normalization.placement = .pre
        configuration.model.normalization.epsilon = 1e-5
        configuration.model.normalization.beforeFirstAttention = false
        configuration.model.initialization.scaleResiduals = true
        configuration.model.dropout = 0
        configuration.model.attentionDropout = 0
        configuration.corpus.sequenceLength = 1024
        configuration.training.batchSize = 32
        configuration.training.steps = 200_000
    }
}
