import Encoder
import FineTuning
import Foundation
import Kernels
import Optimization
import TestSupport
import Testing

/// Using or changing no more than a part of an encoder.
@Suite("Fine-tuning: parts of an encoder")
final class EncoderUseTests {
    private let pool = ThreadPool(threadCount: 2)

    deinit { pool.shutDown() }

    private static func model(layers: Int = 3) -> ModelConfiguration {
        var model = TinyEncoder.configuration(layers: layers)
        model.maximumPositions = 24
        return model
    }

    private func engine(
        _ change: (inout EncoderUse) -> Void = { _ in }, layers: Int = 3, pool: ThreadPool? = nil, rate: Double = 1e-3
    ) -> TaskEngine {
        var encoderUse = EncoderUse()
        change(&encoderUse)
        var optimizer = OptimizerConfiguration()
        optimizer.warmupSteps = 0
        optimizer.weightDecay = 0.1
        optimizer.peakLearningRate = rate
        let engine = TaskEngine(
            TaskModel(
                model: Self.model(layers: layers), parametrization: .init(), vocabularySize: 40, longestText: 24,
                chunkTokens: 48, outputCount: 3, pooling: .mean, encoderUse: encoderUse),
            optimizer: optimizer, parametrization: .init(), layerDecay: 0.9, headFactor: 1, steps: 20, seed: 3,
            pool: pool ?? self.pool)
        engine.initialize()
        return engine
    }

    private static let examples = (0..<15).map { index -> TaskExample in
        let middle = (0..<(3 + index)).map { place -> Int32 in Int32(5 + (index * 7 + place * 3) % 35) }
        return TaskExample(tokens: [2] + middle + [3], target: .label(index % 3))
    }

    private func bits(_ engine: TaskEngine, _ spec: ParameterSpec) -> [UInt32] {
        (0..<spec.count).map { engine.weights.base[spec.offset + $0].bitPattern }
    }

    /// Loss of the examples, as training has it.
    private func loss(_ engine: TaskEngine) throws -> Double { try engine.gradient(of: Self.examples).loss }

    // MARK: Fewer layers

    @Test("Two of three layers are a model of two layers") func fewerLayers() throws {
        let used = engine({ $0.layers = 2 })
        let small = engine(layers: 2)
        for spec in small.model.layout.specs {
            let source = try #require(used.model.layout[spec.name])
            (small.weights.base + spec.offset).update(from: used.weights.base + source.offset, count: spec.count)
        }
        #expect(small.model.layout.specs.map(\.name) == used.model.layout.specs.map(\.name))
        #expect(try small.predict(Self.examples).map(\.outputs) == used.predict(Self.examples).map(\.outputs))
    }

    @Test("Variability against numpy") func variability() throws {
        struct Case: Decodable {
            var states: [[Double]]
            var classes: [Int]
            var value: Double
        }
        let cases = try fixture("variability", [Case].self)
        #expect(cases.count == 3)
        for c in cases {
            let found = try #require(HiddenStateVariability.value(c.states, classes: c.classes))
            #expect(abs(found / c.value - 1) < 1e-9)
        }
        #expect(HiddenStateVariability.value([[1, 2], [1, 2]], classes: [0, 1]) == nil)
    }

    @Test("The layer is chosen where the classes stand apart") func choice() throws {
        let texts = try WeatherTexts()
        let choice = try LayerChoice(texts.configuration, pretrained: texts.pretrained, threads: 1)
        let again = try LayerChoice(texts.configuration, pretrained: texts.pretrained, threads: 2)
        #expect(choice == again)
        let values = choice.variability.map { $0 ?? .infinity }
        #expect(values.allSatisfy { $0 > 0 } && values[choice.layers - 1] == values.min())
    }

    @Test("Of a file with classes in turn all are looked at") func classesInTurn() throws {
        let texts = try WeatherTexts()
        var configuration = texts.configuration
        let lines = try texts.folder.text("train.jsonl").split(separator: "\n")
        let (fair, foul) = (lines.filter { $0.contains("fair") }, lines.filter { !$0.contains("fair") })
        let turns = (0..<2000).flatMap { [fair[$0 % fair.count], foul[$0 % foul.count]] }
        configuration.task.train = try texts.folder.write(turns.joined(separator: "\n"), to: "turns.jsonl")
        configuration.task.validation = try texts.folder.write(lines.joined(separator: "\n"), to: "others.jsonl")
        let choice = try LayerChoice(configuration, pretrained: texts.pretrained, threads: 1)
        #expect(choice.variability.allSatisfy { $0 != nil } && choice.texts == 2048)
    }

    @Test("A file that is sorted by class is looked at all over") func sortedFile() throws {
        let texts = try WeatherTexts()
        var configuration = texts.configuration
        let before = try LayerChoice(configuration, pretrained: texts.pretrained, threads: 1)
        let lines = try texts.folder.text("train.jsonl").split(separator: "\n")
        let (fair, foul) = (lines.filter { $0.contains("fair") }, lines.filter { !$0.contains("fair") })
        #expect(!fair.isEmpty && !foul.isEmpty)
        // More than are looked at of the one class, before any of the other.
        let many = Array(repeating: fair, count: 3000 / fair.count + 1).joined()
        configuration.task.train = try texts.folder.write((many + foul).joined(separator: "\n"), to: "sorted.jsonl")
        let after = try LayerChoice(configuration, pretrained: texts.pretrained, threads: 1)
        #expect(after.variability.allSatisfy { $0 != nil } && after.texts <= 2048 && before.texts < after.texts)
    }

    // MARK: Gradient dropping

    @Test("As many are dropped as asked for") func share() {
        let dropping = GradientDropping(share: 0.3, seed: 1)
        let drawn = (1...2000).flatMap { dropping.dropped(step: $0, layers: 4) }
        let share = Double(drawn.count { $0 }) / Double(drawn.count)
        #expect(abs(share - 0.3) < 0.02)
    }

    // MARK: One vector

    @Test("A few numbers move the encoder along their gradient") func vector() throws {
        let engine = engine({ $0.sharedVectorSize = 7 }, rate: 1e-4)
        let spec = try #require(engine.model.layout["task.encoder_vector"])
        let before = engine.model.layout.specs.map { bits(engine, $0) }
        let start = try loss(engine)
        let gradient = try engine.gradient(of: Self.examples).gradient
        let rate = try engine.train(Self.examples, step: 1).learningRate
        // Adam's first step is as large as the learning rate, and so is that of every weight of the encoder.
        var expected = 0.0
        for (spec, old) in zip(engine.model.layout.specs, before) {
            for (i, bits) in old.enumerated() {
                let moved = Double(engine.weights.base[spec.offset + i]) - Double(Float(bitPattern: bits))
                expected += moved * Double(gradient.base[spec.offset + i])
                if !spec.name.hasPrefix("task.") { #expect(abs(abs(moved) - rate) < 1e-6, "\(spec.name) \(moved)") }
            }
        }
        #expect(expected < 0)
        let change = try loss(engine) - start
        #expect(abs(change / expected - 1) < 0.1, "\(change), by the gradient \(expected)")
        let numbers = (0..<spec.count).map { abs(engine.weights.base[spec.offset + $0]) }
        #expect(numbers.allSatisfy { abs(Double($0) - rate) < 1e-6 })
    }

    // MARK: Adapters

    @Test("Agreement's gradient against differences of the divergence") func agreement() {
        let (a, b): ([Float], [Float]) = ([0.3, -1.2, 0.7], [-0.4, 0.9, 0.1])
        func probabilities(_ x: [Double]) -> [Double] {
            let total = x.reduce(0) { $0 + exp($1) }
            return x.map { exp($0) / total }
        }
        func divergence(_ a: [Double], _ b: [Double]) -> Double {
            let (p, q) = (probabilities(a), probabilities(b))
            return zip(p, q).reduce(0) { $0 + ($1.0 - $1.1) * (log($1.0) - log($1.1)) } / 2
        }
        let found = TaskLoss.disagreement(a, b, weight: 0.7)
        for i in 0..<3 {
            func difference(_ first: Bool) -> Double {
                func at(_ step: Double) -> Double {
                    var (x, y) = (a.map { Double($0) }, b.map { Double($0) })
                    if first { x[i] += step } else { y[i] += step }
                    return divergence(x, y)
                }
                return 0.7 * (at(1e-5) - at(-1e-5)) / 2e-5
            }
            #expect(abs(Double(found.first[i]) - difference(true)) < 1e-6)
            #expect(abs(Double(found.second[i]) - difference(false)) < 1e-6)
        }
    }

    @Test("Adapters change nothing at first, and then alone") func adapters() throws {
        let adapted = engine({ $0.adapters = AdapterConfiguration(size: 8, copies: 3) }, rate: 1e-2)
        let plain = engine()
        for spec in plain.model.layout.specs {
            let source = try #require(adapted.model.layout[spec.name])
            (plain.weights.base + spec.offset).update(from: adapted.weights.base + source.offset, count: spec.count)
        }
        #expect(try plain.predict(Self.examples).map(\.outputs) == adapted.predict(Self.examples).map(\.outputs))
        let before = adapted.model.layout.specs.map { bits(adapted, $0) }
        let start = try loss(adapted)
        for step in 1...12 { _ = try adapted.train(Self.examples, step: step) }
        let gradient = try adapted.gradient(of: Self.examples, step: 13).gradient
        let end = try loss(adapted)
        #expect(end < start - 0.002, "\(start), then \(end)")
        for (spec, old) in zip(adapted.model.layout.specs, before) {
            #expect((bits(adapted, spec) == old) == !spec.name.hasPrefix("task."), "\(spec.name)")
            if !spec.name.hasPrefix("task.") {
                #expect((0..<spec.count).allSatisfy { gradient.base[spec.offset + $0] == 0 }, "\(spec.name)")
            }
            guard spec.name.contains(".mean.") else { continue }
            let copies = try (0..<3).map {
                try #require(adapted.model.layout[spec.name.replacing(".mean.", with: ".\($0).")]).offset
            }
            for i in 0..<spec.count {
                let mean = copies.reduce(Float(0)) { $0 + adapted.weights.base[$1 + i] } / 3
                #expect(adapted.weights.base[spec.offset + i] == mean)
            }
        }
    }

    @Test("An adapter reads what the sublayer puts out with its bias") func outputBias() throws {
        let adapted = engine({ $0.adapters = AdapterConfiguration(size: 8, copies: 1) })
        let plain = engine()
        var random = SplitMix64(seed: 4)
        func fill(_ spec: ParameterSpec) {
            for i in 0..<spec.count { adapted.weights.base[spec.offset + i] = Float.random(in: -1...1, using: &random) }
        }
        func values(_ name: String) throws -> [Double] {
            let spec = try #require(adapted.model.layout[name])
            return (0..<spec.count).map { Double(adapted.weights.base[spec.offset + $0]) }
        }
        for layer in 0..<3 {
            for part in ["down.0", "up.0"] {
                for kind in ["weight", "bias"] {
                    fill(try #require(adapted.model.layout["task.adapters.\(layer).\(part).\(kind)"]))
                }
            }
            let output = "discriminator.layers.\(layer).feed_forward.output"
            fill(try #require(adapted.model.layout["\(output).bias"]))
            // Nothing but its bias is left of the sublayer.
            let weight = try #require(adapted.model.layout["\(output).weight"])
            (adapted.weights.base + weight.offset).update(repeating: 0, count: weight.count)
        }
        adapted.weightsChanged()
        for spec in plain.model.layout.specs {
            let source = try #require(adapted.model.layout[spec.name])
            (plain.weights.base + spec.offset).update(from: adapted.weights.base + source.offset, count: spec.count)
        }
        for layer in 0..<3 {
            let bias = try #require(plain.model.layout["discriminator.layers.\(layer).feed_forward.output.bias"])
            let h = (0..<bias.count).map { Double(plain.weights.base[bias.offset + $0]) }
            func linear(_ part: String, _ x: [Double]) throws -> [Double] {
                let (weight, offset) = (
                    try values("task.adapters.\(layer).\(part).0.weight"),
                    try values("task.adapters.\(layer).\(part).0.bias")
                )
                return offset.indices.map { row in
                    offset[row] + x.indices.reduce(0) { $0 + weight[row * x.count + $1] * x[$1] }
                }
            }
            let hidden = try linear("down", h).map { $0 * 0.5 * (1 + erf($0 / 2.0.squareRoot())) }
            for (i, value) in try linear("up", hidden).enumerated() {
                plain.weights.base[bias.offset + i] += Float(value)
            }
        }
        plain.weightsChanged()
        for (a, b) in zip(try adapted.predict(Self.examples), try plain.predict(Self.examples)) {
            #expect(relativeError(a.outputs.map { Double($0) }, b.outputs.map { Double($0) }) < 1e-4)
        }
    }

    @Test("The gradient of an adapter against differences of the loss", arguments: ["down", "up"])
    func adapterGradient(_ part: String) throws {
        let engine = engine({ $0.adapters = AdapterConfiguration(size: 8, copies: 1) }, rate: 1e-2)
        // Away from zero, where one half would get no gradient.
        for step in 1...5 { _ = try engine.train(Self.examples, step: step) }
        let gradient = try engine.gradient(of: Self.examples).gradient
        for layer in 0..<3 {
            for kind in ["weight", "bias"] {
                let spec = try #require(engine.model.layout["task.adapters.\(layer).\(part).mean.\(kind)"])
                var random = SplitMix64(seed: UInt64(layer))
                let direction = (0..<spec.count).map { _ in Float.random(in: -1...1, using: &random) }
                func loss(_ step: Float) throws -> Double {
                    for i in 0..<spec.count { engine.weights.base[spec.offset + i] += step * direction[i] }
                    defer { for i in 0..<spec.count { engine.weights.base[spec.offset + i] -= step * direction[i] } }
                    return try self.loss(engine)
                }
                let difference = (try loss(4e-3) - loss(-4e-3)) / 8e-3
                let expected = (0..<spec.count).reduce(0.0) {
                    $0 + Double(direction[$1]) * Double(gradient.base[spec.offset + $1])
                }
                #expect(
                    abs(difference - expected) < 0.02 * abs(expected) + 2e-4, "\(spec.name): \(difference), \(expected)"
                )
            }
        }
    }

    // MARK: All of them

    static let changes: [(name: String, change: @Sendable (inout EncoderUse) -> Void)] = [
        ("layers", { $0.layers = 2 }), ("gradient dropping", { $0.gradientDropping = 0.4 }),
        ("vector", { $0.sharedVectorSize = 600 }),
        ("adapters", { $0.adapters = AdapterConfiguration(size: 8, copies: 3) }),
        ("one adapter", { $0.adapters = AdapterConfiguration(size: 8, copies: 1) }),
    ]

    @Test("The same bits on any number of threads", arguments: changes.indices) func threads(_ index: Int) throws {
        let weights = try [1, 2, 5].map { threads in
            let pool = ThreadPool(threadCount: threads)
            defer { pool.shutDown() }
            let engine = engine(Self.changes[index].change, pool: pool)
            for step in 1...4 { _ = try engine.train(Self.examples, step: step) }
            return engine.weights.elements.map(\.bitPattern)
        }
        #expect(weights[0] == weights[1] && weights[0] == weights[2])
        #expect(weights[0] != engine(Self.changes[index].change).weights.elements.map(\.bitPattern))
    }
}
