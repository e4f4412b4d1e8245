import Encoder
import FineTuning
import Foundation
import Interchange
import Kernels
import Optimization
import Parametrization
import TestSupport
import Testing

/// Heads on tokens and on several texts against transformers' ElectraForTokenClassification, ElectraForQuestionAnswering and
/// ElectraForMultipleChoice.
@Suite("Fine-tuning: one step of tokens, spans and choices")
final class TaskKindEngineTests {
    private struct Row: Decodable {
        var ids: [[Int32]]
        var pairs: [Int]
        var places: [Int]?
        var target: [Int]
    }

    private let file: SafetensorsFile
    private let pool = ThreadPool(threadCount: 2)

    deinit { pool.shutDown() }

    init() throws { file = try tensorFixture("task_kinds") }

    private func examples(_ kind: TaskKind) throws -> [TaskExample] {
        let text = try #require(file.header.metadata["rows"])
        let rows = try JSONDecoder().decode([String: [Row]].self, from: Data(text.utf8))
        return try #require(rows[kind.rawValue]).map { row in
            let target: TaskTarget =
                switch kind {
                case .tokens: .words(row.target)
                case .span: .span(row.target[0], row.target[1])
                default: .label(row.target[0])
                }
            func pair(_ index: Int) -> Int? { row.pairs[index] > 0 ? row.pairs[index] : nil }
            var example = TaskExample(
                tokens: row.ids[0], pairStart: pair(0), places: row.places, target: target,
                weight: kind == .tokens ? Double(row.target.count) : 1)
            example.alternatives = row.ids.indices.dropFirst().map {
                TaskSegment(tokens: row.ids[$0], pairStart: pair($0))
            }
            return example
        }
    }

    private func engine(
        _ kind: TaskKind, chunkTokens: Int, threads: ThreadPool? = nil, dropout: Double = 0,
        attention: AttentionConfiguration = .init()
    ) throws -> TaskEngine {
        var shape = TinyEncoder.configuration(layers: 1, dropout: dropout)
        shape.attention = attention
        var optimizer = OptimizerConfiguration()
        optimizer.warmupSteps = 0
        optimizer.peakLearningRate = 1e-2
        let vocabulary = try #require(file.header.metadata["vocab_size"].flatMap { Int($0) })
        let engine = TaskEngine(
            TaskModel(
                model: shape, parametrization: .init(),
                vocabularySize: vocabulary, longestText: 16,
                chunkTokens: chunkTokens, outputCount: [.tokens: 3, .span: 2, .choice: 1][kind] ?? 0, pooling: .first,
                longestExample: 25, readsTokens: kind != .choice),
            optimizer: optimizer, parametrization: .init(), layerDecay: 1, headFactor: 1, steps: 100, seed: 3,
            pool: threads ?? pool)
        for spec in engine.model.layout.specs {
            let name = spec.name.hasPrefix("task.") ? "\(kind.rawValue).\(spec.name)" : spec.name
            #expect(file.shape(of: name) == spec.shape, "\(name)")
            try file.read(
                name, into: UnsafeMutableBufferPointer(start: engine.weights.base + spec.offset, count: spec.count))
        }
        return engine
    }

    @Test(
        "Logits, loss and gradients, in one chunk and in many", arguments: [TaskKind.tokens, .span, .choice], [25, 64])
    func matches(kind: TaskKind, chunkTokens: Int) throws {
        let (engine, examples) = (try engine(kind, chunkTokens: chunkTokens), try examples(kind))
        let outputs = try engine.predict(examples).flatMap { $0.outputs.map(Double.init) }
        #expect(relativeError(outputs, try file.floats(of: "\(kind.rawValue).logits").map(Double.init)) < 1e-5)
        let (loss, gradient) = try engine.gradient(of: examples)
        #expect(abs(loss - (try file.doubles(of: "\(kind.rawValue).loss")[0])) < 1e-5)
        func expected(_ spec: ParameterSpec) throws -> [Double] {
            try file.floats(of: "\(kind.rawValue).gradient.\(spec.name)").map(Double.init)
        }
        let largest = try engine.model.layout.specs.flatMap { try expected($0).map(abs) }.max() ?? 0
        #expect(largest > 0.01)
        for spec in engine.model.layout.specs {
            let expected = try expected(spec)
            let actual = (0..<spec.count).map { Double(gradient.base[spec.offset + $0]) }
            let scale = max(expected.map(abs).max() ?? 0, 1e-2 * largest)
            #expect((zip(actual, expected).map { abs($0 - $1) }.max() ?? 0) < 2e-5 * scale, "\(spec.name)")
        }
    }

    @Test("Where the first tokens of sequences are global, those of all choices are, in training as in use")
    func globalTokens() throws {
        let examples = try examples(.choice)
        func loss(_ kind: GlobalTokenKind) throws -> Double {
            var attention = AttentionConfiguration()
            (attention.pattern, attention.window, attention.globalTokens) = (.window, 2, kind)
            return try engine(.choice, chunkTokens: 64, attention: attention).gradient(of: examples).loss
        }
        #expect(try loss(.first) == loss(.documents) && loss(.first) != loss(.none))
    }

    @Test(
        "The same bits on any number of threads, and a few steps learn", arguments: [TaskKind.tokens, .span, .choice])
    func threads(kind: TaskKind) throws {
        let examples = try examples(kind)
        let results = try [1, 2, 3].map { count in
            let pool = ThreadPool(threadCount: count)
            defer { pool.shutDown() }
            let engine = try engine(kind, chunkTokens: 25, threads: pool, dropout: 0.1)
            let losses = try (1...30).map { try engine.train(examples, step: $0).loss }
            return (losses, engine.weights.elements.map(\.bitPattern))
        }
        #expect(results[1].0 == results[0].0 && results[2].0 == results[0].0)
        #expect(results[1].1 == results[0].1 && results[2].1 == results[0].1)
        #expect(results[0].0[29] < 0.6 * results[0].0[0], "\(results[0].0)")
    }
}
