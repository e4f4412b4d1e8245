import Encoder
import Kernels
import Parametrization

/// Declares the parameters of a model and plans its activations, part after part: tensors lie in the parameter buffer in
/// the order of the calls.
struct ModelAssembly {
    var parameters: ParameterBuilder
    var plan: ActivationPlan
    let multipliers: (generator: Double, discriminator: Double)

    private let model: ModelConfiguration
    private let parametrization: ParametrizationConfiguration
    private let vocabularySize: Int
    private let limits: ReplacedTokenModel.ChunkLimits
    private let objective: ObjectiveConfiguration
    private let embeddings: NetworkEmbeddings

    /// Declares the embeddings that the generator reads, if there is one.
    init(
        model: ModelConfiguration, parametrization: ParametrizationConfiguration, vocabularySize: Int,
        limits: ReplacedTokenModel.ChunkLimits, objective: ObjectiveConfiguration, movesSharedTwice: Bool
    ) {
        self.model = model
        self.parametrization = parametrization
        self.vocabularySize = vocabularySize
        self.limits = limits
        self.objective = objective
        parameters = ParameterBuilder(model, parametrization)
        plan = ActivationPlan(sliceTokens: limits.sliceTokens)
        embeddings = NetworkEmbeddings(
            &parameters, model: model, parametrization: parametrization, vocabularySize: vocabularySize,
            hasGenerator: objective.hasGenerator, movesSharedTwice: movesSharedTwice)
        multipliers = (
            // The tied table is input and readout at once. It keeps the input's initial values and learning rate, and as
            // a readout reads from the embedding size: where that grows, the logits are divided by its ratio.
            generator: parametrization.outputMultiplier
                * ParameterScaling(.readout, widthRatio: embeddings.widthRatio).multiplier,
            discriminator: parametrization.outputMultiplier
                * ParameterScaling(
                    .readout, widthRatio: NetworkKind.discriminator.widthRatio(model, parametrization)
                ).multiplier
        )
    }

    /// - Parameter dropoutNetwork: what keys the dropout instead of the kind, if given.
    mutating func network(
        _ kind: NetworkKind, _ embeddings: SharedEmbeddings, dropoutNetwork: Int? = nil
    ) -> EncoderNetwork {
        EncoderNetwork(
            kind, &parameters, &plan, model: model, parametrization: parametrization, shared: embeddings,
            tokens: limits.tokens, longestSegment: limits.longestSegment, recomputation: limits.recomputation,
            dropoutNetwork: dropoutNetwork)
    }

    /// Memory for the gradient of a network's output.
    mutating func gradient(of network: EncoderNetwork) -> ActivationSlot {
        plan.reserve(limits.tokens * network.shape.hiddenSize)
    }

    /// The generator and its head.
    mutating func auxiliary() -> ReplacedTokenModel.Auxiliary? {
        guard let own = embeddings.generator else { return nil }
        let generator = network(.generator, own)
        let capacity = limits.maskedTokens
        let head = MaskedLanguageModelHead(
            &parameters, &plan, hiddenSize: generator.shape.hiddenSize, table: own.word,
            isTied: model.generator.tiedOutput, embeddingRatio: embeddings.widthRatio,
            normalization: model.normalization, multiplier: multipliers.generator, capacity: capacity)
        return .init(
            network: generator, head: head, gradient: gradient(of: generator),
            tempered: plan.reserve(2 * vocabularySize))
    }

    /// The rest of the embeddings that the discriminator reads.
    mutating func mainEmbeddings() -> SharedEmbeddings { embeddings.declareDiscriminator(&parameters) }

    mutating func detectionHead() -> DetectionHead? {
        guard objective.name.detects || objective.name.isGated else { return nil }
        return DetectionHead(
            &parameters, &plan, kind: model.detectionHead, hiddenSize: model.hiddenSize,
            multiplier: multipliers.discriminator, normalization: model.normalization,
            initialization: model.initialization, tokens: limits.tokens)
    }

    mutating func languageHead(over table: ParameterSlot) -> (any LanguageModelHead)? {
        let rows = min(ReplacedTokenModel.languageRows, limits.tokens)
        switch objective.name.prediction {
        case .none: return nil
        case .simplified:
            return CorrectiveHead(
                &parameters, &plan, table: table, multiplier: multipliers.discriminator, capacity: rows)
        case .transformed:
            return MaskedLanguageModelHead(
                &parameters, &plan, hiddenSize: model.hiddenSize, table: table, isTied: true,
                embeddingRatio: embeddings.widthRatio, normalization: model.normalization,
                multiplier: multipliers.generator, capacity: rows, name: "language_head")
        }
    }

    /// The second view's network and both views' heads. The views have the same parameters and other activations.
    ///
    /// - Parameter earlier: the parameters as they were before the discriminator's were declared.
    mutating func contrast(
        _ embeddings: SharedEmbeddings, declaredAfter earlier: ParameterBuilder
    ) -> ReplacedTokenModel.Contrast? {
        guard objective.contrast > 0 else { return nil }
        let beforeHead = parameters
        let corrupted = contrastiveHead()
        let cropped = again(after: beforeHead) { $0.contrastiveHead() }
        let second = again(after: earlier) { $0.network(.discriminator, embeddings, dropoutNetwork: 2) }
        return .init(network: second, gradient: gradient(of: second), heads: (corrupted, cropped))
    }

    private mutating func contrastiveHead() -> ContrastiveHead {
        ContrastiveHead(
            &parameters, &plan, hiddenSize: model.hiddenSize, normalization: model.normalization,
            segments: limits.tokens)
    }

    /// Declares something a second time: it gets the places that it has already.
    private mutating func again<Part>(
        after earlier: ParameterBuilder, _ declare: (inout Self) -> Part
    ) -> Part {
        let now = parameters
        parameters = earlier
        defer { parameters = now }
        return declare(&self)
    }
}
