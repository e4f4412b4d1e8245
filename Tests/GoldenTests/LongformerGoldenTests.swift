import Encoder
import Kernels
import Parametrization
import TestSupport
import Testing

/// The engine's encoder with windows and global tokens against Hugging Face's Longformer.
@Suite("Longformer")
struct LongformerGoldenTests {
    /// - Parameter maximumGlobalTokens: as many as a quarter of a head's size, so that queries are folded, or more.
    @Test(
        "Hidden states and gradients, carried by one thread and divided", arguments: [false, true], [4, 64])
    func matches(isDivided: Bool, maximumGlobalTokens: Int) throws {
        let file = try Fixture.open("longformer")
        func integer(_ key: String) throws -> Int { try #require(file.header.metadata[key].flatMap(Int.init)) }
        let length = try integer("length")
        var model = ModelConfiguration()
        model.hiddenSize = 32
        model.headCount = 2
        model.layerCount = 2
        model.intermediateSize = 48
        model.embeddingSize = 32
        model.maximumPositions = length
        model.dropout = 0
        model.attentionDropout = 0
        model.attention.pattern = .window
        model.attention.windows = try #require(file.header.metadata["windows"]).split(separator: ",").compactMap {
            Int($0)
        }
        model.attention.globalTokens = .every
        model.attention.globalEvery = try integer("global_every")
        model.attention.globalProjections = .own
        model.attention.maximumGlobalTokens = maximumGlobalTokens

        var builder = ParameterBuilder(model)
        var plan = ActivationPlan(sliceTokens: isDivided ? 96 : nil)
        let shared = SharedEmbeddings(&builder, model: model, vocabularySize: try integer("vocab_size"))
        let network = EncoderNetwork(
            .discriminator, &builder, &plan, model: model, parametrization: ParametrizationConfiguration(),
            shared: shared, tokens: length, longestSegment: length)
        let layout = builder.finished()
        let weights = FloatBuffer(count: layout.bufferCount)
        let gradients = FloatBuffer(count: layout.bufferCount)
        for spec in layout.specs {
            #expect(file.shape(of: spec.name) == spec.shape, "\(spec.name)")
            try file.read(
                spec.name, into: UnsafeMutableBufferPointer(start: weights.base + spec.offset, count: spec.count))
        }
        let chunk = ChunkGeometry(firstRow: 0, tokenCount: length, segmentOffsets: [0, length])
        let arena = FloatBuffer(count: plan.count)
        let scratch = FloatBuffer(count: plan.scratchCount)
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        let pass =
            isDivided
            ? LanePass(
                weights: weights.base, arena: arena.base, dropout: nil, chunk: chunk,
                team: SliceTeam(
                    chunk, sliceTokens: 96, laneCount: 1, pool: pool, gradients: [gradients.base],
                    scratch: [scratch.base], memory: UnitMemory()))
            : LanePass(
                weights: weights.base, gradients: gradients.base, arena: arena.base, dropout: nil, chunk: chunk)
        let ids: [Int32] = try file.integers(of: "input.ids", as: Int32.self)
        let upstream = FloatBuffer(count: length * 32)
        try file.read("input.upstream", into: upstream.unsafeElements)
        let hidden = ids.withUnsafeBufferPointer { ids in
            let states = network.forward(ids, pass)
            let values = (0..<length * 32).map { Double(states.base[$0]) }
            network.backward(Matrix(upstream.base, rows: length, columns: 32), tokens: ids, pass)
            return values
        }
        withExtendedLifetime((arena, scratch, upstream)) {}
        #expect(relativeError(hidden, doubles(try file.floats(of: "output.hidden"))) < 1e-5)
        var largest = 0.0
        for spec in layout.specs {
            largest = max(largest, doubles(try file.floats(of: "gradient.\(spec.name)")).map(abs).max() ?? 0)
        }
        for spec in layout.specs {
            let expected = doubles(try file.floats(of: "gradient.\(spec.name)"))
            let actual = (0..<spec.count).map { Double(gradients.base[spec.offset + $0]) }
            let scale = max(expected.map(abs).max() ?? 0, 1e-2 * largest)
            let worst = zip(actual, expected).map { abs($0 - $1) }.max() ?? 0
            #expect(worst < 2e-5 * scale, "\(spec.name)")
        }
    }
}
