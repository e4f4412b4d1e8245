import Configuration
import Encoder
import FineTuning
import Foundation
import Kernels
import Optimization
import Pretraining
import Runs
import TestSupport
import Testing

/// Lower layers that training leaves as they are.
@Suite("Fine-tuning: frozen layers")
final class FrozenLayersTests {
    private let pool = ThreadPool(threadCount: 2)

    deinit { pool.shutDown() }

    enum Shape: String, CaseIterable {
        case learned, sharedBias, disentangled, preNorm
    }

    private func engine(_ shape: Shape, frozen: Int, adapters: AdapterConfiguration? = nil) -> TaskEngine {
        var model = ModelConfiguration()
        model.hiddenSize = 16
        model.headCount = 2
        model.layerCount = 3
        model.intermediateSize = 24
        model.embeddingSize = 8
        model.maximumPositions = 24
        switch shape {
        case .learned: break
        case .preNorm: model.normalization.placement = .pre
        case .sharedBias:
            model.relativeBias.sharing = .shared
            model.relativeBias.bins = 8
            model.relativeBias.maximumDistance = 9
        case .disentangled:
            model.positions = .none
            model.attention.disentangled = true
            model.attention.positionBuckets = 6
            model.attention.maximumRelativeDistance = 9
        }
        var optimizer = OptimizerConfiguration()
        optimizer.warmupSteps = 0
        optimizer.weightDecay = 0.1
        optimizer.clipNorm = 0
        var use = EncoderUse(frozenLayers: frozen)
        use.adapters = adapters
        let engine = TaskEngine(
            TaskModel(
                model: model, parametrization: .init(), vocabularySize: 40, longestText: 24, chunkTokens: 48,
                outputCount: 2, pooling: .mean, encoderUse: use),
            optimizer: optimizer, parametrization: .init(), layerDecay: 0.9, headFactor: 1, steps: 10, seed: 3,
            pool: pool)
        engine.initialize()
        return engine
    }

    private static let examples = (0..<12).map { index -> TaskExample in
        let middle = (0..<(3 + index)).map { place -> Int32 in Int32(5 + (index * 7 + place * 3) % 35) }
        return TaskExample(tokens: [2] + middle + [3], target: .label(index % 2))
    }

    /// As the setting's help says it.
    private func isFrozen(_ name: String, _ frozen: Int) -> Bool {
        if name.hasPrefix("task.") || name.contains("final_norm") { return false }
        guard let layer = name.components(separatedBy: ".layers.").dropFirst().first?.prefix(while: \.isNumber) else {
            return frozen > 0
        }
        return (Int(layer) ?? 0) < frozen
    }

    @Test("No gradient reaches them, and the others get the same as ever", arguments: Shape.allCases, 0...3)
    func gradients(shape: Shape, frozen: Int) throws {
        let (_, whole) = try engine(shape, frozen: 0).gradient(of: Self.examples)
        let engine = engine(shape, frozen: frozen)
        let (_, gradient) = try engine.gradient(of: Self.examples)
        for spec in engine.model.layout.specs {
            let own = (0..<spec.count).map { gradient.base[spec.offset + $0].bitPattern }
            if isFrozen(spec.name, frozen) {
                #expect(own.allSatisfy { $0 == 0 }, "\(spec.name)")
            } else {
                #expect(own == (0..<spec.count).map { whole.base[spec.offset + $0].bitPattern }, "\(spec.name)")
                #expect(own.contains { $0 & 0x7FFF_FFFF != 0 }, "\(spec.name)")
            }
        }
    }

    @Test("Gradients that a step leaves out, and no others", arguments: Shape.allCases, [0, 1])
    func droppedGradients(shape: Shape, frozen: Int) throws {
        let engine = engine(shape, frozen: frozen)
        let (_, whole) = try engine.gradient(of: Self.examples)
        for dropped in [
            [true, true, false, false], [true, false, true, false], [false, true, false, true],
            [false, false, false, true],
        ] {
            let gradient = try engine.gradient(of: Self.examples, dropped: dropped).gradient
            for spec in engine.model.layout.specs {
                let layer = spec.name.components(separatedBy: ".layers.").dropFirst().first?.prefix(while: \.isNumber)
                let isAbove = spec.name.hasPrefix("task.") || spec.name.contains("final_norm")
                let unit = layer.flatMap { Int($0) }.map { $0 + 1 } ?? (isAbove ? nil : 0)
                let isDropped = unit.map { dropped[$0] } ?? false
                let range = spec.offset..<spec.offset + spec.count
                #expect(
                    range.allSatisfy { gradient.base[$0] == (isDropped ? 0 : whole.base[$0]) },
                    "\(spec.name), \(dropped)")
            }
        }
    }

    @Test("Adapters leave no gradient to any part of the encoder", arguments: Shape.allCases)
    func adapters(shape: Shape) throws {
        let engine = engine(shape, frozen: 0, adapters: AdapterConfiguration(size: 8, copies: 2))
        // Away from the start, where adapters say nothing and layers above get all the gradient there is.
        for step in 1...2 { _ = try engine.train(Self.examples, step: step) }
        let (_, gradient) = try engine.gradient(of: Self.examples, step: 3)
        for spec in engine.model.layout.specs where !spec.name.hasPrefix("task.") {
            #expect((spec.offset..<spec.offset + spec.count).allSatisfy { gradient.base[$0] == 0 }, "\(spec.name)")
        }
    }

    @Test("Their weights keep every bit, their moments stay zero", arguments: Shape.allCases, [1, 3])
    func updates(shape: Shape, frozen: Int) throws {
        let engine = engine(shape, frozen: frozen)
        let before = engine.weights.elements.map(\.bitPattern)
        for step in 1...3 { _ = try engine.train(Self.examples, step: step) }
        for spec in engine.model.layout.specs {
            let range = spec.offset..<spec.offset + spec.count
            let isSame = range.allSatisfy { engine.weights.base[$0].bitPattern == before[$0] }
            #expect(isSame == isFrozen(spec.name, frozen), "\(spec.name)")
            for moments in engine.moments {
                let areZero = range.allSatisfy { moments.buffer.base[$0].bitPattern == 0 }
                #expect(areZero == isFrozen(spec.name, frozen), "\(moments.name) of \(spec.name)")
            }
        }
    }

    @Test("A run leaves the pretrained layers as they were, and refuses more than there are")
    func run() throws {
        let texts = try WeatherTexts()
        var configuration = texts.configuration
        configuration.training.frozenLayers = 1
        configuration.training.epochs = 2
        func run(_ output: String) throws {
            _ = try FineTuningRun(
                configuration, pretrained: texts.pretrained, isFromScratch: false, output: texts.folder(output),
                threads: 1, progress: ProgressLine(quiet: true), report: { _ in }
            ).start()
        }
        try run("tuned")
        let pretrained = try LoadedModel(path: texts.pretrained, threads: 1)
        defer { pretrained.engine.pool.shutDown() }
        let layout = pretrained.engine.state.layout
        for parameter in try FineTunedModel(path: texts.folder("tuned"), threads: 1).parameters {
            let old =
                parameter.name.hasPrefix("embeddings.")
                ? layout.embedding(String(parameter.name.dropFirst("embeddings.".count)), of: .discriminator)?.offset
                : layout[parameter.name]?.offset
            guard let old else { continue }
            var values = (0..<parameter.values.count).map { pretrained.engine.state.weights.base[old + $0] }
            // The second type, which nothing has trained, begins as the first.
            if parameter.name.hasSuffix("token_type") {
                let first = Array(values.prefix(values.count / 2))
                values = first + first
            }
            #expect((values == parameter.values) == isFrozen(parameter.name, 1), "\(parameter.name)")
        }
        configuration.training.frozenLayers = 3
        let error = #expect(throws: InvalidSetting.self) { try run("more") }
        #expect("\(try #require(error))".contains("training.frozen_layers"))
        configuration.training.layers = 1
        configuration.training.frozenLayers = 2
        let less = #expect(throws: InvalidSetting.self) { try run("less") }
        #expect("\(try #require(less))".contains("2 is more than the 1 of training.layers"))
    }
}
