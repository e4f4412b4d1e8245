import Encoder
import Kernels
import Parametrization

/// Generator, main encoder ("discriminator") and their heads, over one parameter buffer and one plan of activations.
public struct ReplacedTokenModel: Sendable {
    public let layout: ParameterLayout
    /// Floats of activation memory that a chunk needs: of each worker, or of all together where they divide chunks.
    public let activationCount: Int
    /// Floats that each worker needs beside where workers divide chunks.
    public let scratchCount: Int
    public let limits: ChunkLimits
    public let vocabularySize: Int
    /// What the logits of each head are multiplied with, before their bias.
    public let outputMultipliers: (generator: Double, discriminator: Double)

    /// Nil where nothing is replaced, or replaced at random.
    let auxiliary: Auxiliary?
    /// Whether the generator has dropout.
    let generatorDrops: Bool
    let discriminator: EncoderNetwork
    let discriminatorGradient: ActivationSlot
    /// Nil where no logit of the main encoder is wanted.
    let detectionHead: DetectionHead?
    /// Nil where the main encoder predicts no tokens.
    let languageHead: (any LanguageModelHead)?
    /// Nil without contrastive loss.
    let contrast: Contrast?

    /// Rows of a product with the vocabulary: what is predicted is worked on in blocks, so that logits take little memory.
    package static let languageRows = 128

    /// The generator and its head.
    struct Auxiliary: Sendable {
        let network: EncoderNetwork
        let head: MaskedLanguageModelHead
        let gradient: ActivationSlot
        /// Logits and bias at a sampling temperature, two rows of the vocabulary.
        let tempered: ActivationSlot
    }

    /// The main encoder once more, for a second view of the text, and both views' heads.
    struct Contrast: Sendable {
        let network: EncoderNetwork
        let gradient: ActivationSlot
        let heads: (corrupted: ContrastiveHead, cropped: ContrastiveHead)
    }

    /// - Parameters:
    ///   - separateOptimizers: whether each network has an optimizer of its own.
    ///   - movesSharedTwice: whether what both read is moved by both.
    public init(
        model: ModelConfiguration, parametrization: ParametrizationConfiguration, vocabularySize: Int,
        limits: ChunkLimits, objective: ObjectiveConfiguration = ObjectiveConfiguration(),
        separateOptimizers: Bool = false, movesSharedTwice: Bool = true
    ) {
        self.limits = limits
        self.vocabularySize = vocabularySize
        var assembly = ModelAssembly(
            model: model, parametrization: parametrization, vocabularySize: vocabularySize, limits: limits,
            objective: objective, movesSharedTwice: separateOptimizers && movesSharedTwice)
        outputMultipliers = assembly.multipliers
        generatorDrops = model.of(.generator).dropout > 0 || model.of(.generator).attentionDropout > 0
        let start = assembly.plan.mark
        auxiliary = assembly.auxiliary()
        if separateOptimizers { assembly.parameters.beginSecondGroup() }
        let embeddings = assembly.mainEmbeddings()

        // The generator is done with its backward pass before the discriminator starts: they use the same memory.
        assembly.plan.rewind(to: start)
        let beforeDiscriminator = assembly.parameters
        discriminator = assembly.network(.discriminator, embeddings)
        detectionHead = assembly.detectionHead()
        languageHead = assembly.languageHead(over: embeddings.word)
        discriminatorGradient = assembly.gradient(of: discriminator)
        contrast = assembly.contrast(embeddings, declaredAfter: beforeDiscriminator)
        layout = assembly.parameters.finished()
        activationCount = assembly.plan.count
        scratchCount = assembly.plan.scratchCount
    }
}
