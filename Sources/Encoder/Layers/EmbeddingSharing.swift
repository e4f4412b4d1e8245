import Kernels
import Parametrization

/// What generator and discriminator have in common of their embeddings.
public enum EmbeddingSharing: String, CaseIterable, Sendable {
    /// Tables and norm are one (Clark et al. 2020, arXiv 2003.10555).
    case shared
    /// The word table alone (Bajaj et al. 2022, arXiv 2204.06644, with an auxiliary of zero dropout).
    case tokenOnly = "token_only"
    /// Nothing.
    case separate
    /// Gradient-disentangled (He et al. 2021, arXiv 2111.09543, section 3.3): the discriminator's word and position tables
    /// are the generator's plus a difference, which starts at 0. Its gradients go into the difference alone.
    case disentangled
}

/// The embeddings of both networks, as one of the ways of sharing lays them out.
///
/// The generator's parameters are declared before `declareDiscriminator` and the discriminator's after it, so that each
/// network's lie together and each can have its own optimizer.
public struct NetworkEmbeddings: Sendable {
    private let sharing: EmbeddingSharing
    private let movesSharedTwice: Bool
    private let model: ModelConfiguration
    private let parametrization: ParametrizationConfiguration
    /// Width of the tables relative to their base.
    public let widthRatio: Double
    private let vocabularySize: Int
    /// What the generator reads, or nil where there is none.
    public let generator: SharedEmbeddings?
    private let common: SharedEmbeddings?

    /// Declares what the generator reads.
    ///
    /// - Parameters:
    ///   - hasGenerator: without one the discriminator's embeddings are its own, whatever the sharing.
    ///   - movesSharedTwice: whether what is shared has gradients and moments of each network.
    public init(
        _ builder: inout ParameterBuilder, model: ModelConfiguration, parametrization: ParametrizationConfiguration,
        vocabularySize: Int, hasGenerator: Bool, movesSharedTwice: Bool
    ) {
        self.model = model
        self.parametrization = parametrization
        widthRatio = parametrization.embeddingWidthRatio(
            embeddingSize: model.embeddingSize, hiddenSize: model.hiddenSize)
        self.vocabularySize = vocabularySize
        self.movesSharedTwice = movesSharedTwice
        sharing = model.embeddingSharing
        guard hasGenerator else {
            common = SharedEmbeddings(
                &builder, model: model, parametrization: parametrization, vocabularySize: vocabularySize)
            generator = nil
            return
        }
        if sharing == .shared {
            common = SharedEmbeddings(
                &builder, model: model, parametrization: parametrization, vocabularySize: vocabularySize)
            generator = common
            return
        }
        common = nil
        var word: ParameterSlot?
        if sharing == .tokenOnly {
            builder.prefix = "embeddings."
            builder.widthRatio = widthRatio
            word = builder.table("word", count: vocabularySize, width: model.embeddingSize)
        }
        generator = SharedEmbeddings(
            &builder, model: model, parametrization: parametrization, vocabularySize: vocabularySize,
            prefix: "generator.embeddings.", word: word)
    }

    /// Declares the rest of what the discriminator reads.
    public func declareDiscriminator(_ builder: inout ParameterBuilder) -> SharedEmbeddings {
        builder.prefix = "discriminator.embeddings."
        builder.widthRatio = widthRatio
        defer { builder.prefix = "" }
        func own(_ slot: ParameterSlot) -> ParameterSlot { movesSharedTwice ? builder.twin(of: slot) : slot }
        if let common {
            guard generator != nil else { return common }
            return SharedEmbeddings(
                word: own(common.word), position: common.position.map(own), tokenType: own(common.tokenType),
                norm: builder.norm(twinOf: common.norm, separately: movesSharedTwice), widthRatio: widthRatio)
        }
        guard let generator else { preconditionFailure("embeddings of no network") }
        switch sharing {
        case .shared, .separate:
            return SharedEmbeddings(
                &builder, model: model, parametrization: parametrization, vocabularySize: vocabularySize,
                prefix: builder.prefix)
        case .tokenOnly:
            return SharedEmbeddings(
                &builder, model: model, parametrization: parametrization, vocabularySize: vocabularySize,
                prefix: builder.prefix,
                word: own(generator.word))
        case .disentangled:
            let width = model.embeddingSize
            let word = builder.sum(
                of: generator.word,
                and: builder.table("word_difference", count: vocabularySize, width: width, zero: true))
            let position = generator.position.map { position in
                builder.sum(
                    of: position,
                    and: builder.table("position_difference", count: position.rows, width: width, zero: true))
            }
            return SharedEmbeddings(
                word: word, position: position, tokenType: builder.table("token_type", count: 2, width: width),
                norm: builder.norm("norm", width), widthRatio: widthRatio)
        }
    }
}
