import Encoder
import Foundation
import Kernels
import Parametrization
import TestSupport
import Testing

/// Disentangled attention and the mask decoder against Hugging Face's DebertaV2Model.
@Suite("DeBERTa")
struct DebertaGoldenTests {
    struct Run: CustomTestStringConvertible, Sendable {
        var network: NetworkKind
        /// What the tensors of the fixture begin with.
        var name: String
        var sliceTokens: Int?
        var testDescription: String { "\(name), \(sliceTokens == nil ? "one thread" : "divided")" }
    }

    static let runs = [
        Run(network: .discriminator, name: "output"), Run(network: .discriminator, name: "output", sliceTokens: 96),
        Run(network: .generator, name: "decoder"), Run(network: .generator, name: "decoder", sliceTokens: 96),
    ]

    @Test("Hidden states and gradients", arguments: runs)
    func matches(_ run: Run) throws {
        let file = try Fixture.open("deberta")
        func integers(_ key: String) throws -> [Int] {
            try #require(file.header.metadata[key]).split(separator: ",").compactMap { Int($0) }
        }
        let offsets = try integers("lengths").reduce(into: [0]) { $0.append($0.last! + $1) }
        let (tokens, longest) = (offsets.last!, try integers("lengths").max()!)
        let width = 16
        var model = ModelConfiguration()
        model.hiddenSize = width
        model.headCount = 2
        model.layerCount = 2
        model.intermediateSize = 24
        model.embeddingSize = width
        model.positions = .none
        model.maximumPositions = 40
        model.dropout = 0
        model.attentionDropout = 0
        model.normalization.epsilon = 1e-7
        model.attention.disentangled = true
        model.attention.positionBuckets = try integers("buckets")[0]
        model.attention.maximumRelativeDistance = try integers("distance")[0]
        model.generator.widthMultiplier = 1
        model.generator.maskDecoder = true
        try model.validate()

        var builder = ParameterBuilder(model)
        var plan = ActivationPlan(sliceTokens: run.sliceTokens)
        let shared = SharedEmbeddings(&builder, model: model, vocabularySize: try integers("vocab_size")[0])
        let network = EncoderNetwork(
            run.network, &builder, &plan, model: model, parametrization: ParametrizationConfiguration(),
            shared: shared, tokens: tokens, longestSegment: longest)
        let layout = builder.finished()
        let weights = FloatBuffer(count: layout.bufferCount)
        let gradients = FloatBuffer(count: layout.bufferCount)
        func fixtureName(_ name: String) -> String {
            name.replacingOccurrences(of: run.network.rawValue + ".", with: "network.")
        }
        for spec in layout.specs {
            let name = fixtureName(spec.name)
            #expect(file.shape(of: name) == spec.shape, "\(name)")
            try file.read(name, into: UnsafeMutableBufferPointer(start: weights.base + spec.offset, count: spec.count))
        }
        let chunk = ChunkGeometry(firstRow: 0, tokenCount: tokens, segmentOffsets: offsets)
        let arena = FloatBuffer(count: plan.count)
        let scratch = FloatBuffer(count: plan.scratchCount)
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        let pass =
            run.sliceTokens == nil
            ? LanePass(
                weights: weights.base, gradients: gradients.base, arena: arena.base, dropout: nil, chunk: chunk)
            : LanePass(
                weights: weights.base, arena: arena.base, dropout: nil, chunk: chunk,
                team: SliceTeam(
                    chunk, sliceTokens: 96, laneCount: 1, pool: pool, gradients: [gradients.base],
                    scratch: [scratch.base], memory: UnitMemory()))
        let ids: [Int32] = try file.integers(of: "input.ids", as: Int32.self)
        let upstream = FloatBuffer(count: tokens * width)
        try file.read("\(run.name).upstream", into: upstream.unsafeElements)
        let hidden = ids.withUnsafeBufferPointer { ids in
            let states = network.forward(ids, pass)
            let values = (0..<tokens * width).map { Double(states.base[$0]) }
            network.backward(Matrix(upstream.base, rows: tokens, columns: width), tokens: ids, pass)
            return values
        }
        withExtendedLifetime((arena, scratch, upstream)) {}
        #expect(relativeError(hidden, doubles(try file.floats(of: "\(run.name).hidden"))) < 1e-5)
        func expected(_ spec: ParameterSpec) throws -> [Double] {
            doubles(try file.floats(of: "\(run.name).gradient.\(fixtureName(spec.name))"))
        }
        let largest = try layout.specs.flatMap { try expected($0).map(abs) }.max() ?? 0
        for spec in layout.specs {
            let expected = try expected(spec)
            let actual = (0..<spec.count).map { Double(gradients.base[spec.offset + $0]) }
            let scale = max(expected.map(abs).max() ?? 0, 1e-2 * largest)
            let worst = zip(actual, expected).map { abs($0 - $1) }.max() ?? 0
            #expect(worst < 2e-5 * scale, "\(spec.name)")
        }
    }

    /// `make_log_bucket_position` of transformers, clamped to the table as its attention does.
    @Test func buckets() throws {
        struct Tables: Decodable {
            struct Table: Decodable {
                var buckets: Int
                var distance: Int
                var values: [Int]
            }
            var from: Int
            var tables: [Table]
        }
        let url = try #require(Bundle.module.url(forResource: "Fixtures/deberta-buckets", withExtension: "json"))
        let tables = try JSONDecoder().decode(Tables.self, from: Data(contentsOf: url))
        for table in tables.tables {
            var attention = AttentionConfiguration()
            attention.positionBuckets = table.buckets
            attention.maximumRelativeDistance = table.distance
            let rule = RelativePositionBuckets(attention)
            #expect(rule.rowCount == 2 * table.buckets)
            for (index, bucket) in table.values.enumerated() {
                let row = min(max(bucket + table.buckets, 0), 2 * table.buckets - 1)
                #expect(rule.row(tables.from + index) == row, "\(table.buckets), \(tables.from + index)")
            }
        }
    }
}
