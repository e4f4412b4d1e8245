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
        let vocabulary = 43
        let replaced = ReplacedTokenModel(
            model: model, parametrization: parametrization, vocabularySize: vocabulary,
            limits: .init(tokens: 64, sequences: 4, longestSegment: 32, maskFraction: 0.3))
        var configuration = ObjectiveConfiguration()
        configuration.maskFraction = 0.3
        let objective = ReplacedTokenDetection(model: replaced, configuration: configuration)

        // Two chunks of one batch: counts of the whole batch weigh the losses.
        var random = SplitMix64(seed: 21)
        let segments = [0, 9, 16, 30, 41]
        let batch = TokenBatch(
            tokens: (0..<41).map { _ in Int32.random(in: 5..<Int32(vocabulary), using: &random) },
            sequenceOffsets: [0, 16, 41], segmentOffsets: segments)
        let masking = Masking(
            batch, configuration: configuration, maskID: 4, special: [0, 2, 3],
            random: Philox(seed: 1, purpose: .masking), step: 5)
        let work = ReplacedTokenDetection.Work(
            batch: batch, masking: masking, sampling: Philox(seed: 1, purpose: .sampling), step: 5)
        let fast = FastParameters(replaced.layout, seed: 3)
        let arena = FloatBuffer(count: replaced.activationCount)
        let stream = DropoutStream(seed: 8, step: 5)
        var sums = LossSums()
        var corrupted: [Int32] = []
        for (first, count) in [(0, 16), (16, 25)] {
            let outcome = objective.run(
                work,
                LanePass(
                    weights: fast.weights.base, gradients: fast.gradients.base, arena: arena.base, dropout: stream,
                    chunk: ChunkGeometry(firstRow: first, tokenCount: count, segmentOffsets: segments)))
            sums += outcome.sums
            corrupted += outcome.corrupted
        }

        let places = masking.positions.map { Int($0) }
        #expect(places.count == 5 + 8)
        func encoder(_ network: NetworkKind) -> Reference.EncoderConfiguration {
            let shape = network == .generator ? model.generatorShape : model.discriminatorShape
            return .init(
                model, network, vocabularySize: vocabulary,
                attentionScale: parametrization.attentionScale(headSize: shape.headSize))
        }
        let parameters = try fast.reference()
        var reference = try Reference.ElectraObjective(
            .init(
                generator: encoder(.generator), discriminator: encoder(.discriminator), discriminatorWeight: 50,
                generatorOutputMultiplier: 1.25,
                discriminatorOutputMultiplier: 1.25 * (baseHiddenSize.map { $0 / 64 } ?? 1),
                outputIsTied: isClassic),
            batch: .init(
                maskedTokens: masking.inputs.map { Int($0) }, positions: places,
                targets: places.map { Int(batch.tokens[$0]) }, replacements: places.map { Int(corrupted[$0]) },
                segments: .init(offsets: segments)),
            generatorDropout: .init(model, .generator, stream, segments: segments),
            discriminatorDropout: .init(model, .discriminator, stream, segments: segments), parameters)
        let losses = reference.forward()
        #expect(abs(sums.meanGeneratorLoss - losses.generator) < 1e-5 * losses.generator)
        #expect(abs(sums.meanDiscriminatorLoss - losses.discriminator) < 1e-5 * losses.discriminator)
        reference.backward()
        var comparison = GradientComparison.float
        comparison.compare(gradients: fast.namedGradients(), with: parameters)
        #expect(comparison.isWithin(5e-5), "\(comparison)")
    }
}
