import Encoder
import FineTuning
import Foundation
import Interchange
import Kernels
import Optimization
import Parametrization
import TestSupport
import Testing

/// A batch that is held against itself, carried in many chunks, against an ElectraModel of transformers under PyTorch's loss.
@Suite("Fine-tuning: one step of contrast")
final class ContrastEngineTests {
    private let file: SafetensorsFile
    private let pool = ThreadPool(threadCount: 2)

    deinit { pool.shutDown() }

    init() throws { file = try tensorFixture("contrast") }

    private func decoded<Value: Decodable>(_ key: String, _ type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(try #require(file.header.metadata[key]).utf8))
    }

    /// - Parameter count: of texts of each row.
    private func examples(_ count: Int) throws -> [TaskExample] {
        try decoded("ids", [[[Int32]]].self).map { row in
            var example = TaskExample(tokens: row[0])
            example.alternatives = row[1..<count].map { TaskSegment(tokens: $0) }
            return example
        }
    }

    private func engine(
        chunkTokens: Int = 48, isSymmetric: Bool = false, threads: ThreadPool? = nil, dropout: Double = 0
    ) throws -> TaskEngine {
        var optimizer = OptimizerConfiguration()
        optimizer.warmupSteps = 0
        optimizer.peakLearningRate = 5e-3
        let engine = TaskEngine(
            TaskModel(
                model: TinyEncoder.configuration(layers: 2, dropout: dropout), parametrization: .init(),
                vocabularySize: try decoded("vocab_size", Int.self),
                longestText: 16,
                chunkTokens: chunkTokens, outputCount: 0, pooling: .mean, longestExample: 40, givesVectors: true),
            optimizer: optimizer, parametrization: .init(), layerDecay: 1, headFactor: 1, steps: 100, seed: 3,
            contrast: InBatchContrast(temperature: 0.1, isSymmetric: isSymmetric), pool: threads ?? pool)
        for spec in engine.model.layout.specs {
            #expect(file.shape(of: spec.name) == spec.shape, "\(spec.name)")
            try file.read(
                spec.name,
                into: UnsafeMutableBufferPointer(start: engine.weights.base + spec.offset, count: spec.count))
        }
        engine.weightsChanged()
        return engine
    }

    @Test("There is no head, and vectors are means of states")
    func noHead() throws {
        let engine = try engine()
        #expect(!engine.model.layout.specs.contains { $0.name.hasPrefix("task.") })
        #expect(try engine.predict(try examples(2)).allSatisfy { $0.outputs.count == 2 * 16 })
    }

    @Test(
        "Loss and gradients, in few chunks and in many", arguments: ["pairs", "symmetric", "triples"], [40, 60, 1000])
    func matches(kind: String, chunkTokens: Int) throws {
        let engine = try engine(chunkTokens: chunkTokens, isSymmetric: kind == "symmetric")
        let (loss, gradient) = try engine.gradient(of: try examples(kind == "triples" ? 3 : 2))
        let expected = try #require(try decoded("losses", [String: Double].self)[kind])
        #expect(abs(loss - expected) < 1e-5)
        func gradients(_ spec: ParameterSpec) throws -> [Double] {
            try file.floats(of: "\(kind).gradient.\(spec.name)").map(Double.init)
        }
        let largest = try engine.model.layout.specs.flatMap { try gradients($0).map(abs) }.max() ?? 0
        for spec in engine.model.layout.specs {
            let expected = try gradients(spec)
            let actual = (0..<spec.count).map { Double(gradient.base[spec.offset + $0]) }
            let scale = max(expected.map(abs).max() ?? 0, 1e-2 * largest)
            #expect((zip(actual, expected).map { abs($0 - $1) }.max() ?? 0) < 3e-5 * scale, "\(spec.name)")
        }
    }

    /// Were dropout drawn anew for the second pass, the gradient would be that of other states.
    @Test("Texts with themselves: the gradient under dropout, by central differences")
    func dropout() throws {
        let engine = try engine(chunkTokens: 40, dropout: 0.2)
        let stream = DropoutStream(seed: 11, step: 1)
        let texts = try examples(1).map { example in
            var example = example
            example.alternatives = [TaskSegment(tokens: example.tokens)]
            return example
        }
        let (first, gradient) = try engine.gradient(of: texts, dropout: stream)
        let outputs = try engine.predict(texts, dropout: stream).map(\.outputs)
        #expect(outputs.allSatisfy { $0[..<16] != $0[16...] })
        // Without it both are the same, but for what products round at other places of a chunk.
        #expect(
            try engine.predict(texts).allSatisfy { text in
                zip(text.outputs[..<16], text.outputs[16...]).allSatisfy { abs($0 - $1) < 1e-5 }
            })
        let names = texts.indices.map { [$0, $0] }
        func loss() throws -> Double {
            let vectors = try engine.predict(texts, dropout: stream).map(\.outputs)
            return InBatchContrast(temperature: 0.1).loss(vectors, width: 16, names: names, isLearned: false).loss
        }
        #expect(abs(try loss() - first) < 1e-9)
        var random = SplitMix64(seed: 9)
        for spec in engine.model.layout.specs where !spec.name.hasSuffix(".bias") {
            let direction = (0..<spec.count).map { _ in random.normal() }
            func moved(_ step: Double) throws -> Double {
                for i in 0..<spec.count { engine.weights.base[spec.offset + i] += Float(step * direction[i]) }
                defer {
                    for i in 0..<spec.count { engine.weights.base[spec.offset + i] -= Float(step * direction[i]) }
                }
                return try loss()
            }
            let slope = (try moved(1e-3) - moved(-1e-3)) / 2e-3
            let own = (0..<spec.count).reduce(0.0) { $0 + direction[$1] * Double(gradient.base[spec.offset + $1]) }
            #expect(abs(slope - own) < 0.03 * max(abs(own), 0.05), "\(spec.name): \(slope), \(own)")
        }
    }

    @Test("The same bits on any number of threads; it learns what belongs together", arguments: [1, 30])
    func threads(copies: Int) throws {
        // Copies of a text are no negatives of one another.
        let examples = Array(repeating: try examples(3), count: copies).flatMap(\.self)
        let results = try [1, 2, 3, 9].map { count in
            let pool = ThreadPool(threadCount: count)
            defer { pool.shutDown() }
            let engine = try engine(chunkTokens: 48, isSymmetric: true, threads: pool, dropout: 0.1)
            let losses = try (1...12).map { try engine.train(examples, step: $0).loss }
            return (losses, engine.weights.elements.map(\.bitPattern))
        }
        for other in results.dropFirst() { #expect(other.0 == results[0].0 && other.1 == results[0].1) }
        #expect(results[0].0[11] < 0.92 * results[0].0[0], "\(results[0].0)")
    }
}
