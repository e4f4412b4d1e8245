import Corpus
import Encoder
import Foundation
import Interchange
import Kernels
import Objectives
import Parametrization
import TestSupport
import Testing

enum Fixture {
    static func open(_ name: String) throws -> SafetensorsFile {
        let folder = try #require(Bundle.module.resourceURL)
        return try SafetensorsFile(path: folder.appendingPathComponent("Fixtures/\(name).safetensors").path)
    }
}

/// The engine's model with the weights and the batch of a fixture.
final class GoldenModel {
    let file: SafetensorsFile
    let objective: ReplacedTokenDetection
    let weights: FloatBuffer
    let gradients: FloatBuffer
    let arena: FloatBuffer
    let work: ReplacedTokenDetection.Work
    let generatorIDs: [Int32]
    let corrupted: [Int32]
    let positions: [Int32]

    var layout: ParameterLayout { objective.model.layout }

    /// - Parameter multipliers: whose attention and output multipliers act; the engine has one pair for both networks,
    ///   so that they are compared in turn.
    init(_ name: String, multipliersOf multipliers: NetworkKind? = nil) throws {
        let file = try Fixture.open(name)
        self.file = file
        func text(_ key: String) throws -> String { try #require(file.header.metadata[key]) }
        func integer(_ key: String) throws -> Int {
            let text = try text(key)
            return try #require(Int(text))
        }
        func number(_ key: String) throws -> Double {
            let text = try text(key)
            return try #require(Double(text))
        }
        var model = ModelConfiguration()
        model.embeddingSize = try integer("embedding_size")
        model.maximumPositions = try integer("max_position_embeddings")
        model.hiddenSize = try integer("discriminator.hidden_size")
        model.intermediateSize = try integer("discriminator.intermediate_size")
        model.headCount = try integer("discriminator.num_attention_heads")
        model.layerCount = try integer("discriminator.num_hidden_layers")
        model.generator.hiddenSize = try integer("generator.hidden_size")
        model.generator.intermediateSize = try integer("generator.intermediate_size")
        model.generator.headCount = try integer("generator.num_attention_heads")
        model.generator.layerCount = try integer("generator.num_hidden_layers")
        model.normalization.epsilon = try number("layer_norm_eps")
        model.dropout = 0
        model.attentionDropout = 0
        try model.validate()
        var parametrization = ParametrizationConfiguration()
        if let multipliers {
            parametrization.attentionMultiplier = try number("\(multipliers.rawValue).attention_multiplier")
            parametrization.outputMultiplier = try number("\(multipliers.rawValue).output_multiplier")
        }
        var configuration = ObjectiveConfiguration()
        configuration.discriminatorWeight = try number("discriminator_weight")
        try Self.readRecipe(file, &configuration, &model)

        let ids: [Int32] = try file.integers(of: "input.ids", as: Int32.self)
        let offsets: [Int] = try file.integers(of: "input.sequence_offsets")
        positions = try file.integers(of: "input.masked_positions", as: Int32.self)
        generatorIDs = try file.integers(of: "input.generator_ids", as: Int32.self)
        corrupted = try file.integers(of: "input.corrupted_ids", as: Int32.self)
        configuration.maskFraction = Double(positions.count) / Double(ids.count)
        objective = ReplacedTokenDetection(
            model: ReplacedTokenModel(
                model: model, parametrization: parametrization, vocabularySize: try integer("vocab_size"),
                limits: .init(
                    tokens: ids.count, sequences: offsets.count - 1, longestSegment: model.maximumPositions,
                    maskFraction: configuration.maskFraction), objective: configuration),
            configuration: configuration)
        work = ReplacedTokenDetection.Work(
            batch: TokenBatch(tokens: ids, sequenceOffsets: offsets, segmentOffsets: offsets),
            masking: Masking(inputs: generatorIDs, positions: positions), sampling: Philox(seed: 0, purpose: .sampling),
            step: 0, replacements: try file.integers(of: "input.sampled", as: Int32.self))
        let layout = objective.model.layout
        weights = FloatBuffer(count: layout.bufferCount)
        gradients = FloatBuffer(count: layout.bufferCount)
        arena = FloatBuffer(count: objective.model.activationCount)
        for spec in layout.specs {
            #expect(file.shape(of: spec.name) == spec.shape, "\(spec.name)")
            try file.read(
                spec.name, into: UnsafeMutableBufferPointer(start: weights.base + spec.offset, count: spec.count))
        }
        withPool { layout.deriveWeights(weights, pool: $0) }
    }

    /// What a fixture of ELECTRA's relatives says of its recipe.
    private static func readRecipe(
        _ file: SafetensorsFile, _ objective: inout ObjectiveConfiguration, _ model: inout ModelConfiguration
    ) throws {
        func text(_ key: String) -> String? { file.header.metadata[key] }
        func number(_ key: String) -> Double? { text("objective.\(key)").flatMap { Double($0) } }
        guard let name = text("objective.name") else { return }
        objective.name = try #require(ObjectiveName(rawValue: name))
        objective.correctiveWeight = number("corrective_weight")
        objective.contrastiveWeight = number("contrastive_weight")
        objective.contrastiveCrop = number("contrastive_crop") ?? objective.contrastiveCrop
        objective.contrastiveTemperature = number("contrastive_temperature") ?? objective.contrastiveTemperature
        model.embeddingSharing = try #require(
            text("model.embedding_sharing").flatMap { EmbeddingSharing(rawValue: $0) })
        model.detectionHead = try #require(text("model.detection_head").flatMap { DetectionHeadKind(rawValue: $0) })
    }

    private func withPool(_ body: (ThreadPool) -> Void) {
        let pool = ThreadPool(threadCount: 1)
        body(pool)
        pool.shutDown()
    }

    /// Hands on what has arrived at tables that are computed from others.
    func returnGradients() { withPool { layout.returnGradients(gradients, pool: $0) } }

    /// The batch, or some of its sequences.
    func pass(sequences: Range<Int>? = nil, learns: Bool = false) -> LanePass {
        let offsets = work.batch.sequenceOffsets
        let range = sequences ?? 0..<work.batch.sequenceCount
        let first = offsets[range.lowerBound]
        return LanePass(
            weights: weights.base, gradients: learns ? gradients.base : nil, arena: arena.base, dropout: nil,
            chunk: ChunkGeometry(
                firstRow: first, tokenCount: offsets[range.upperBound] - first, segmentOffsets: offsets))
    }

    /// Expects every parameter's gradient to be the fixture's.
    func checkGradients(tolerance: Double, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let expected = try layout.specs.map { try file.doubles(of: "gradient.\($0.name)") }
        let largest = expected.reduce(0) { $1.reduce($0) { max($0, abs($1)) } }
        for (spec, expected) in zip(layout.specs, expected) {
            let actual = (0..<spec.count).map { Double(gradients.base[spec.offset + $0]) }
            if spec.name.hasSuffix("attention.key.bias") {
                // It moves all scores of a row alike, so its gradient is zero but for rounding.
                #expect(
                    actual.allSatisfy { abs($0) < tolerance * largest }, "\(spec.name)", sourceLocation: sourceLocation)
            } else {
                #expect(relativeError(actual, expected) < tolerance, "\(spec.name)", sourceLocation: sourceLocation)
            }
        }
    }
}

func doubles(_ values: [Float]) -> [Double] { values.map { Double($0) } }
