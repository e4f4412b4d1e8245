import Corpus
import Encoder
import Kernels
import Objectives
import Parametrization
import TestSupport
import Testing

/// The engine's objective against the Double reference: losses and the gradients of every parameter.
@Suite("Objective against the reference")
struct FastObjectiveTests {
    static let placements: [(NormalizationPlacement, PositionKind, Double, Double?, Bool)] = [
        (.post, .learned, 0, nil, true), (.pre, .rotary, 0.25, nil, true), (.mix, .learned, 0.125, nil, true),
        (.mix, .rotary, 0, 16, true), (.peri, .rotary, 0.125, 16, false), (.post, .learned, 0, nil, false),
    ]

    @Test("Losses and gradients", arguments: placements)
    func gradients(
        placement: NormalizationPlacement, positions: PositionKind, dropout: Double, baseHiddenSize: Double?,
        isClassic: Bool
    ) throws {
        var model = ModelConfiguration()
        model.hiddenSize = 64
        model.headCount = 4
        model.intermediateSize = 64
        model.layerCount = 4
        model.embeddingSize = 24
        model.generator.widthMultiplier = 0.5
        model.positions = positions
        model.normalization.placement = placement
        model.dropout = dropout
        model.attentionDropout = dropout
        if !isClassic {
            model.generator.tiedOutput = false
            model.normalization.kind = placement == .post ? .layerNorm : .rmsNorm
            model.feedForward = .geglu
            model.biases = false
        }
        var parametrization = ParametrizationConfiguration()
        parametrization.baseHiddenSize = baseHiddenSize.map { Int($0) }
        parametrization.outputMultiplier = 1.25
        let replaced = ReplacedTokenModel(
            model: model, parametrization: parametrization, vocabularySize: TwoSequences.vocabularySize,
            limits: TwoSequences.limits)
        var configuration = ObjectiveConfiguration()
        configuration.maskFraction = 0.3
        let objective = ReplacedTokenDetection(model: replaced, configuration: configuration)
        let work = TwoSequences.work(configuration, isReplaced: false)
        let fast = FastParameters(replaced.layout, seed: 3)
        let (sums, corrupted) = TwoSequences.run(
            objective, work, fast, activationCount: replaced.activationCount)
        #expect(work.masking.positions.count == 5 + 8)

        func encoder(_ network: NetworkKind) -> Reference.EncoderConfiguration {
            let shape = network == .generator ? model.generatorShape : model.discriminatorShape
            return .init(
                model, network, vocabularySize: TwoSequences.vocabularySize,
                attentionScale: parametrization.attentionScale(headSize: shape.headSize))
        }
        let parameters = try fast.reference()
        var reference = try Reference.ElectraObjective(
            .init(
                generator: encoder(.generator), discriminator: encoder(.discriminator), discriminatorWeight: 50,
                generatorOutputMultiplier: 1.25,
                discriminatorOutputMultiplier: 1.25 * (baseHiddenSize.map { $0 / 64 } ?? 1),
                outputIsTied: isClassic),
            batch: TwoSequences.reference(work, corrupted),
            generatorDropout: .init(model, .generator, TwoSequences.dropout, segments: TwoSequences.segments),
            discriminatorDropout: .init(model, .discriminator, TwoSequences.dropout, segments: TwoSequences.segments),
            parameters)
        let losses = reference.forward()
        #expect(abs(sums.meanGeneratorLoss - losses.generator) < 1e-5 * losses.generator)
        #expect(abs(sums.meanDiscriminatorLoss - losses.discriminator) < 1e-5 * losses.discriminator)
        reference.backward()
        var comparison = GradientComparison.float
        comparison.compare(gradients: fast.namedGradients(), with: parameters)
        #expect(comparison.isWithin(5e-5), "\(comparison)")
    }
}
