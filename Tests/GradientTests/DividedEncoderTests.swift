import Encoder
import Kernels
import Parametrization
import TestSupport
import Testing

/// Encoders with patterns of attention, carried by one thread and divided among several, against the reference.
@Suite("Patterns and divided chunks")
struct DividedEncoderTests {
    /// What a forward and a backward pass came to.
    struct Result: Equatable {
        var hidden: [UInt32]
        var gradients: [String: [UInt32]]
    }

    struct Case: CustomTestStringConvertible {
        var name: String
        var segments: [Int]
        var attentionDropout = 0.0
        var kind = NetworkKind.discriminator
        var change: @Sendable (inout ModelConfiguration) -> Void
        var isVisible: (@Sendable (_ query: Int, _ key: Int) -> Bool)?
        var testDescription: String { name }

        var model: ModelConfiguration {
            var model = ModelConfiguration()
            model.hiddenSize = 32
            model.headCount = 2
            model.intermediateSize = 48
            model.layerCount = 3
            model.embeddingSize = 16
            model.maximumPositions = 600
            model.dropout = 0.125
            model.attentionDropout = attentionDropout
            change(&model)
            return model
        }
    }

    static let cases: [Case] = [
        Case(name: "full", segments: [0, 330, 400], attentionDropout: 0.25, change: { $0.positions = .rotary }),
        Case(
            name: "full, normalized queries and keys", segments: [0, 330, 400], attentionDropout: 0.25,
            change: {
                $0.positions = .rotary
                $0.attention.queryKeyNorm = true
            }),
        Case(
            name: "window", segments: [0, 1, 390], attentionDropout: 0.25,
            change: {
                $0.attention.pattern = .window
                $0.attention.window = 40
                $0.normalization.placement = .mix
            }, isVisible: { abs($0 - $1) <= 20 }),
        Case(
            name: "window and global tokens", segments: [0, 200, 410],
            change: {
                $0.attention.pattern = .window
                $0.attention.window = 64
                $0.attention.globalTokens = .documents
                $0.normalization.placement = .pre
            }, isVisible: { abs($0 - $1) <= 32 || $0 == 0 || $1 == 0 }),
        Case(
            name: "dilation", segments: [0, 303],
            change: {
                $0.normalization.placement = .peri
                $0.attention.pattern = .window
                $0.attention.window = 30
                $0.attention.dilations = [3, 3]
                $0.positions = .rotary
            }, isVisible: { ($0 - $1) % 3 == 0 && abs($0 - $1) <= 45 }),
        Case(
            name: "alternating", segments: [0, 350],
            change: {
                $0.attention.pattern = .alternating
                $0.attention.localRotaryBase = 100
                $0.positions = .rotary
            }),
        Case(
            name: "own projections", segments: [0, 150, 397],
            change: {
                $0.attention.pattern = .window
                $0.attention.window = 50
                $0.attention.globalTokens = .every
                $0.attention.globalEvery = 40
                $0.attention.globalProjections = .own
                $0.positions = .rotary
            }),
        Case(
            name: "own projections, folded", segments: [0, 1, 150, 397, 430], attentionDropout: 0.25,
            change: {
                $0.attention.pattern = .window
                $0.attention.window = 50
                $0.attention.globalTokens = .every
                $0.attention.globalEvery = 40
                $0.attention.maximumGlobalTokens = 3
                $0.attention.globalProjections = .own
                $0.normalization.placement = .pre
            }),
        Case(
            name: "own projections, folded, without biases", segments: [0, 290],
            change: {
                $0.attention.pattern = .window
                $0.attention.window = 50
                $0.attention.globalTokens = .documents
                $0.attention.globalProjections = .own
                $0.biases = false
            }),
        Case(
            name: "relative bias, full", segments: [0, 330, 400], attentionDropout: 0.25,
            change: { $0.relativeBias.sharing = .shared }, isVisible: { _, _ in true }),
        Case(
            name: "relative bias of each layer, window", segments: [0, 150, 397],
            change: {
                $0.relativeBias.sharing = .perLayer
                $0.relativeBias.binning = .cocoLM
                $0.relativeBias.bins = 16
                $0.relativeBias.maximumDistance = 30
                $0.positions = .none
                $0.attention.pattern = .window
                $0.attention.window = 80
            }, isVisible: { abs($0 - $1) <= 40 }),
        Case(
            name: "relative bias, global tokens with projections of their own", segments: [0, 150, 397],
            change: {
                $0.relativeBias.sharing = .shared
                $0.attention.pattern = .window
                $0.attention.window = 50
                $0.attention.globalTokens = .documents
                $0.attention.globalProjections = .own
            }),
        Case(
            name: "disentangled attention", segments: [0, 1, 330, 400], attentionDropout: 0.25,
            change: {
                $0.positions = .none
                $0.attention.disentangled = true
                $0.attention.positionBuckets = 64
                $0.attention.maximumRelativeDistance = 200
            }),
        Case(
            name: "mask decoder", segments: [0, 1, 330, 400], attentionDropout: 0.25, kind: .generator,
            change: {
                $0.positions = .none
                $0.attention.disentangled = true
                $0.attention.positionBuckets = 64
                $0.attention.maximumRelativeDistance = 200
                $0.generator.widthMultiplier = 1
                $0.generator.maskDecoder = true
            }),
        Case(
            name: "relative bias, BigBird", segments: [0, 200, 420],
            change: {
                $0.relativeBias.sharing = .shared
                $0.attention.pattern = .bigBird
                $0.attention.blockSize = 16
                $0.attention.globalBlocks = 1
            }),
        Case(
            name: "BigBird", segments: [0, 200, 420],
            change: {
                $0.attention.pattern = .bigBird
                $0.attention.blockSize = 16
                $0.attention.globalBlocks = 1
            }),
    ]

    private struct Setup {
        let network: EncoderNetwork
        let parameters: FastParameters
        let plan: ActivationPlan
        let ids: [Int32]
        let upstream: Reference.Matrix

        init(_ c: Case, sliceTokens: Int?, recomputation: ActivationRecomputation) {
            let tokens = c.segments.last!
            var builder = ParameterBuilder(c.model)
            var plan = ActivationPlan(sliceTokens: sliceTokens)
            let shared = SharedEmbeddings(&builder, model: c.model, vocabularySize: 29)
            network = EncoderNetwork(
                c.kind, &builder, &plan, model: c.model, parametrization: ParametrizationConfiguration(),
                shared: shared, tokens: tokens, longestSegment: tokens, recomputation: recomputation)
            parameters = FastParameters(builder.finished(), seed: 7)
            self.plan = plan
            var random = SplitMix64(seed: 5)
            ids = (0..<tokens).map { _ in Int32.random(in: 0..<29, using: &random) }
            upstream = random.matrix(tokens, 32)
        }
    }

    private static let dropout = DropoutStream(seed: 11, step: 3)

    /// - Parameter threads: nil for one thread that carries all.
    private func run(
        _ c: Case, threads: Int?, lanes: Int = 3, recomputation: ActivationRecomputation = .none
    ) -> (Result, Setup) {
        let tokens = c.segments.last!
        let setup = Setup(c, sliceTokens: threads == nil ? nil : 96, recomputation: recomputation)
        let chunk = ChunkGeometry(firstRow: 40, tokenCount: tokens, segmentOffsets: c.segments.map { $0 + 40 })
        let arena = FloatBuffer(count: setup.plan.count)
        let pool = ThreadPool(threadCount: threads ?? 1)
        defer { pool.shutDown() }
        let scratch = (0..<(threads ?? 0)).map { _ in FloatBuffer(count: setup.plan.scratchCount) }
        let gradients = (0..<lanes).map { _ in FloatBuffer(count: setup.parameters.layout.bufferCount) }
        let weights = setup.parameters.weights.base
        let pass =
            threads == nil
            ? LanePass(
                weights: weights, gradients: gradients[0].base, arena: arena.base, dropout: Self.dropout, chunk: chunk)
            : LanePass(
                weights: weights, arena: arena.base, dropout: Self.dropout, chunk: chunk,
                team: SliceTeam(
                    chunk, sliceTokens: 96, laneCount: lanes, pool: pool, gradients: gradients.map(\.base),
                    scratch: scratch.map(\.base), memory: UnitMemory()))
        let gradient = FloatBuffer(count: tokens * 32)
        var hidden: [UInt32] = []
        // A second pass over what the first left behind: nothing may depend on memory being fresh.
        for _ in 0..<2 {
            for lane in gradients { lane.zero() }
            for index in 0..<tokens * 32 { gradient.base[index] = Float(setup.upstream.values[index]) }
            setup.ids.withUnsafeBufferPointer { ids in
                let states = setup.network.forward(ids, pass)
                hidden = (0..<tokens * 32).map { states.base[$0].bitPattern }
                setup.network.backward(Matrix(gradient.base, rows: tokens, columns: 32), tokens: ids, pass)
            }
        }
        withExtendedLifetime((arena, scratch)) {}
        for lane in gradients.dropFirst() {
            for index in 0..<lane.count { gradients[0].base[index] += lane.base[index] }
        }
        for index in 0..<gradients[0].count { setup.parameters.gradients.base[index] = gradients[0].base[index] }
        let named = setup.parameters.namedGradients().mapValues { $0.map(\.bitPattern) }
        return (Result(hidden: hidden, gradients: named), setup)
    }

    @Test("Any number of threads gives the same bits", arguments: cases)
    func threads(_ c: Case) {
        let results = [1, 2, 3].map { run(c, threads: $0).0 }
        #expect(results[1] == results[0] && results[2] == results[0])
    }

    @Test("What is computed again comes out the same", arguments: cases)
    func recomputation(_ c: Case) {
        // Undivided dense layers keep probabilities, which round otherwise than those that are computed again.
        #expect(
            run(c, threads: nil, recomputation: .layer).0 == run(c, threads: nil, recomputation: .feedForward).0)
        let kept = run(c, threads: 2).0
        #expect(run(c, threads: 2, recomputation: .feedForward).0 == kept)
        #expect(run(c, threads: 2, recomputation: .layer).0 == kept)
    }

    @Test("A divided chunk equals one that a thread carries", arguments: cases)
    func division(_ c: Case) {
        let (whole, setup) = run(c, threads: nil)
        let divided = run(c, threads: 2).0
        func values(_ bits: [UInt32]) -> [Double] { bits.map { Double(Float(bitPattern: $0)) } }
        var comparison = GradientComparison.float
        comparison.compare(
            "hidden", shape: [setup.ids.count, 32], actual: values(divided.hidden), expected: values(whole.hidden))
        for spec in setup.parameters.layout.specs {
            comparison.compare(
                spec.name, shape: spec.shape, actual: values(divided.gradients[spec.name]!),
                expected: values(whole.gradients[spec.name]!))
        }
        #expect(comparison.isWithin(2e-5), "\(comparison)")
    }

    @Test("Hidden states and gradients equal the reference under the mask", arguments: cases, [nil, 2])
    func reference(_ c: Case, threads: Int?) throws {
        // The reference has one mask for all layers and no second projections.
        guard c.isVisible != nil || c.name == "full" else { return }
        let (result, setup) = run(c, threads: threads)
        let parameters = try setup.parameters.reference()
        let segments = Reference.Segments(offsets: c.segments)
        let dropout = Reference.EncoderDropout(
            c.model, c.kind, Self.dropout, segments: c.segments, firstRow: 40)
        var reference = try Reference.Encoder(
            .init(
                c.model, c.kind, vocabularySize: 29,
                attentionScale: ParametrizationConfiguration().attentionScale(headSize: 16)),
            prefix: "\(c.kind.rawValue).", segments: segments,
            isVisible: c.isVisible.map { segments.visibility(where: $0) }, dropout: dropout, parameters)
        let expected = reference.forward(setup.ids.map { Int($0) })
        var comparison = GradientComparison.float
        comparison.compare(
            "hidden", shape: [setup.ids.count, 32], actual: result.hidden.map { Float(bitPattern: $0) },
            expected: expected.values)
        #expect(comparison.isWithin(2e-5), "\(comparison)")
        reference.backward(upstream: setup.upstream)
        var gradients = GradientComparison.float
        gradients.compare(
            gradients: result.gradients.mapValues { $0.map { Float(bitPattern: $0) } }, with: parameters)
        #expect(gradients.isWithin(5e-5), "\(gradients)")
    }
}
