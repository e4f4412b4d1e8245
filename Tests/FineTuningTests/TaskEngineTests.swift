import Encoder
import FineTuning
import Foundation
import Interchange
import Kernels
import Optimization
import Parametrization
import TestSupport
import Testing

/// A classifier against transformers' ElectraForSequenceClassification.
@Suite("Fine-tuning: one step")
final class TaskEngineTests {
    private let file: SafetensorsFile
    private let pool = ThreadPool(threadCount: 2)

    deinit { pool.shutDown() }

    init() throws { file = try tensorFixture("task") }

    private func numbers(_ key: String) throws -> [Double] {
        try #require(file.header.metadata[key]).split(separator: ",").compactMap { Double($0) }
    }

    private func examples() throws -> [TaskExample] {
        let ids: [Int32] = try file.integers(of: "input.ids", as: Int32.self)
        let (pairs, labels, weights) = (try numbers("pairs"), try numbers("labels"), try numbers("weights"))
        var start = 0
        return try numbers("lengths").enumerated().map { index, length in
            defer { start += Int(length) }
            let label = Int(labels[index])
            return TaskExample(
                tokens: Array(ids[start..<start + Int(length)]), pairStart: pairs[index] > 0 ? Int(pairs[index]) : nil,
                target: .label(label), weight: weights[label])
        }
    }

    private static var model: ModelConfiguration {
        var model = ModelConfiguration()
        model.hiddenSize = 32
        model.headCount = 2
        model.layerCount = 2
        model.intermediateSize = 48
        model.embeddingSize = 16
        model.maximumPositions = 24
        model.dropout = 0
        model.attentionDropout = 0
        return model
    }

    private func engine(
        chunkTokens: Int = 64, threads: ThreadPool? = nil, layerDecay: Double = 1,
        _ change: (inout ModelConfiguration) -> Void = { _ in }
    ) throws -> TaskEngine {
        var model = Self.model
        change(&model)
        var optimizer = OptimizerConfiguration()
        optimizer.warmupSteps = 0
        optimizer.peakLearningRate = 1e-3
        let engine = TaskEngine(
            TaskModel(
                model: model, parametrization: .init(), vocabularySize: Int(try numbers("vocab_size")[0]),
                longestText: 24, chunkTokens: chunkTokens, outputCount: 3, pooling: .first),
            optimizer: optimizer, parametrization: .init(), layerDecay: layerDecay, headFactor: 1, steps: 100, seed: 3,
            pool: threads ?? pool)
        for spec in engine.model.layout.specs {
            #expect(file.shape(of: spec.name) == spec.shape, "\(spec.name)")
            try file.read(
                spec.name,
                into: UnsafeMutableBufferPointer(start: engine.weights.base + spec.offset, count: spec.count))
        }
        return engine
    }

    @Test("Logits, loss and gradients, in one chunk and in many", arguments: [24, 30, 64])
    func matches(chunkTokens: Int) throws {
        let engine = try engine(chunkTokens: chunkTokens)
        let examples = try examples()
        let outputs = try engine.predict(examples).flatMap { $0.outputs.map(Double.init) }
        #expect(relativeError(outputs, try file.floats(of: "output.logits").map(Double.init)) < 1e-5)
        let (loss, gradient) = try engine.gradient(of: examples)
        #expect(abs(loss - (try file.doubles(of: "output.loss")[0])) < 1e-5)
        func expected(_ spec: ParameterSpec) throws -> [Double] {
            try file.floats(of: "gradient.\(spec.name)").map(Double.init)
        }
        let largest = try engine.model.layout.specs.flatMap { try expected($0).map(abs) }.max() ?? 0
        for spec in engine.model.layout.specs {
            let expected = try expected(spec)
            let actual = (0..<spec.count).map { Double(gradient.base[spec.offset + $0]) }
            let scale = max(expected.map(abs).max() ?? 0, 1e-2 * largest)
            #expect((zip(actual, expected).map { abs($0 - $1) }.max() ?? 0) < 2e-5 * scale, "\(spec.name)")
        }
    }

    /// Few texts have two lanes, many of them sixteen.
    @Test("The same bits on any number of threads; dropout too", arguments: [1, 200])
    func threads(copies: Int) throws {
        let examples = Array(repeating: try examples(), count: copies).flatMap(\.self)
        let results = try [1, 2, 3, 9].map { count in
            let pool = ThreadPool(threadCount: count)
            defer { pool.shutDown() }
            let engine = try engine(chunkTokens: 24, threads: pool) {
                $0.dropout = 0.2
                $0.attentionDropout = 0.1
            }
            let losses = try (1...4).map { try engine.train(examples, step: $0).loss }
            return (losses, engine.weights.elements.map(\.bitPattern))
        }
        for other in results.dropFirst() { #expect(other.0 == results[0].0 && other.1 == results[0].1) }
    }

    @Test("A few steps learn four texts")
    func learning() throws {
        let (engine, examples) = (try engine(), try examples())
        let losses = try (1...20).map { try engine.train(examples, step: $0).loss }
        #expect(losses[19] < 0.3 * losses[0])
    }

    @Test("Lanes get about as many tokens each, and every text once", arguments: [1, 2, 3, 5])
    func balance(laneCount: Int) {
        var random = SplitMix64(seed: 4)
        let examples = (0..<32).map { index in
            TaskExample(
                tokens: [Int32(index)] + [Int32](repeating: 7, count: Int.random(in: 2...60, using: &random)),
                target: .label(0))
        }
        let ordered = TaskEngine.balanced(examples, laneCount: laneCount)
        #expect(Set(ordered.map(\.tokens[0])) == Set(0..<32) && ordered.count == 32)
        let tokens = (0..<laneCount).map { lane in
            ordered[lane * 32 / laneCount..<(lane + 1) * 32 / laneCount].reduce(0) { $0 + $1.tokens.count }
        }
        #expect((tokens.max() ?? 0) - (tokens.min() ?? 0) <= 60)
        #expect(TaskEngine.balanced(examples, laneCount: laneCount) == ordered)
    }

    @Test("Mean pooling: the gradient by central differences")
    func meanPooling() throws {
        let engine = TaskEngine(
            TaskModel(
                model: Self.model, parametrization: .init(), vocabularySize: 47, longestText: 24, chunkTokens: 64,
                outputCount: 1, pooling: .mean),
            optimizer: OptimizerConfiguration(), parametrization: .init(), layerDecay: 1, headFactor: 1, steps: 1,
            seed: 5, pool: pool)
        engine.initialize()
        let texts = try examples().enumerated().map { index, example in
            var example = example
            example.target = .number(Double(index) - 1.5)
            example.weight = 1
            return example
        }
        let (_, gradient) = try engine.gradient(of: texts)
        var random = SplitMix64(seed: 9)
        for spec in engine.model.layout.specs where spec.name.hasPrefix("task.") || spec.name.hasSuffix("norm.gain") {
            // Along a random direction, so that the difference stands out from rounding.
            let direction = (0..<spec.count).map { _ in random.normal() }
            func loss(_ step: Double) throws -> Double {
                for i in 0..<spec.count {
                    engine.weights.base[spec.offset + i] += Float(step * direction[i])
                }
                defer {
                    for i in 0..<spec.count { engine.weights.base[spec.offset + i] -= Float(step * direction[i]) }
                }
                return try engine.predict(texts).map(\.loss).reduce(0, +) / Double(texts.count)
            }
            let step = 2e-3
            let slope = (try loss(step) - loss(-step)) / (2 * step)
            let own = (0..<spec.count).reduce(0.0) { $0 + direction[$1] * Double(gradient.base[spec.offset + $1]) }
            #expect(abs(slope - own) < 0.02 * max(abs(own), 0.02), "\(spec.name): \(slope), \(own)")
        }
    }

    @Test("The head of a model with a base width is that of one without")
    func headWithoutBase() {
        var parametrization = ParametrizationConfiguration()
        func layout() -> ParameterLayout {
            TaskModel(
                model: Self.model, parametrization: parametrization, vocabularySize: 40, longestText: 24,
                chunkTokens: 64,
                outputCount: 3, pooling: .first
            ).layout
        }
        let plain = layout()
        parametrization.baseHiddenSize = 16
        let wider = layout()
        for spec in plain.specs where spec.name.hasPrefix("task.") {
            let found = wider[spec.name]
            #expect(found?.initialization == spec.initialization && found?.scaling == spec.scaling, "\(spec.name)")
        }
        let hidden = "discriminator.layers.0.feed_forward.input.weight"
        #expect(plain[hidden]?.scaling.learningRate == 1 && wider[hidden]?.scaling.learningRate == 0.5)
    }

    @Test("Learning rates fall with the distance from the head")
    func layerDecay() throws {
        let examples = try examples()
        func moved(_ layerDecay: Double) throws -> [String: Double] {
            let engine = try engine(layerDecay: layerDecay)
            let before = engine.weights.elements.map { $0 }
            _ = try engine.train(examples, step: 1)
            return Dictionary(
                uniqueKeysWithValues: engine.model.layout.specs.map { spec in
                    let steps = (0..<spec.count).map {
                        abs(Double(engine.weights.base[spec.offset + $0] - before[spec.offset + $0]))
                    }
                    return (spec.name, steps.max() ?? 0)
                })
        }
        let (even, falling) = (try moved(1), try moved(0.5))
        for (name, factor) in [
            ("task.output.bias", 1), ("discriminator.layers.1.feed_forward.input.bias", 0.5),
            ("discriminator.layers.0.feed_forward.input.bias", 0.25), ("embeddings.norm.bias", 0.125),
        ] {
            #expect(abs(falling[name]! / even[name]! - factor) < 0.01, "\(name)")
        }
    }
}
