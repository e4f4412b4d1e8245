import Encoder
import Kernels
import Objectives
import Parametrization
import TestSupport
import Testing

@Suite("Initial values")
struct InitializerTests {
    private func initialized(_ layout: ParameterLayout, seed: UInt64 = 17, threads: Int = 2) -> FloatBuffer {
        let pool = ThreadPool(threadCount: threads)
        defer { pool.shutDown() }
        let buffer = FloatBuffer(count: layout.bufferCount)
        ParameterInitializer.initialize(buffer, layout, seed: seed, pool: pool)
        return buffer
    }

    private func bits(_ buffer: FloatBuffer) -> [UInt32] { (0..<buffer.count).map { buffer.base[$0].bitPattern } }

    private func model() -> ModelConfiguration {
        var model = ModelConfiguration()
        model.layerCount = 2
        model.hiddenSize = 128
        model.intermediateSize = 256
        return model
    }

    private func values(_ layout: ParameterLayout, _ buffer: FloatBuffer, _ name: String) throws -> [Double] {
        let spec = try #require(layout[name])
        return (0..<spec.count).map { Double(buffer.base[spec.offset + $0]) }
    }

    private func deviation(_ values: [Double]) -> Double {
        (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    }

    /// Standard deviation of a standard normal truncated at ±2.
    static let truncated = 0.879_596_3

    @Test("Do not depend on threads, and differ by seed")
    func deterministic() {
        let layout = ParameterLayoutTests.layout(model(), vocabulary: 500)
        let one = bits(initialized(layout, threads: 1))
        #expect(bits(initialized(layout, threads: 2)) == one)
        #expect(bits(initialized(layout, threads: 3)) == one)
        #expect(bits(initialized(layout, seed: 18)) != one)
    }

    @Test("A tensor's values depend on its name, not on what stands before it")
    func byName() throws {
        let short = ParameterLayoutTests.layout(model(), vocabulary: 100)
        var rotary = model()
        rotary.positions = .rotary
        let other = ParameterLayoutTests.layout(rotary, vocabulary: 300)
        let name = "discriminator.layers.1.feed_forward.input.weight"
        #expect(
            try values(short, initialized(short), name) == values(other, initialized(other), name))
        let buffer = initialized(short)
        #expect(
            try values(short, buffer, name)
                != values(short, buffer, "discriminator.layers.0.feed_forward.input.weight"))
    }

    @Test("Truncated at two deviations, with the deviation and mean asked for")
    func distribution() throws {
        let layout = ParameterLayoutTests.layout(model(), vocabulary: 2000)
        let buffer = initialized(layout)
        for name in ["embeddings.word", "discriminator.layers.0.feed_forward.input.weight"] {
            let values = try values(layout, buffer, name)
            let count = Double(values.count)
            #expect(values.allSatisfy { abs($0) <= 0.04 })
            #expect(values.contains { abs($0) > 0.0399 })
            #expect(abs(deviation(values) / (0.02 * Self.truncated) - 1) < 4 / count.squareRoot())
            #expect(abs(values.reduce(0, +) / count) < 4 * 0.02 / count.squareRoot())
            // Of a truncated normal, 71.5 % lie within one deviation.
            let inner = Double(values.count { abs($0) < 0.02 }) / count
            #expect(abs(inner - 0.682_689_5 / 0.954_499_7) < 4 * 0.5 / count.squareRoot())
        }
        #expect(try values(layout, buffer, "generator.head.norm.gain").allSatisfy { $0 == 1 })
        #expect(try values(layout, buffer, "generator.head.bias").allSatisfy { $0 == 0 })
        let used = Set(layout.specs.flatMap { $0.offset..<$0.offset + $0.count })
        #expect((0..<layout.bufferCount).allSatisfy { used.contains($0) || buffer.base[$0] == 0 })
    }

    @Test("Fan-in and residual scaling")
    func schemes() throws {
        var scaled = model()
        scaled.initialization.scheme = .fanIn
        scaled.initialization.scaleResiduals = true
        let layout = ParameterLayoutTests.layout(scaled, vocabulary: 100)
        let buffer = initialized(layout)
        for (part, fanIn, isResidual) in [
            ("attention.value", 128.0, false), ("attention.output", 128, true), ("feed_forward.input", 128, false),
            ("feed_forward.output", 256, true),
        ] {
            let values = try values(layout, buffer, "discriminator.layers.1.\(part).weight")
            let expected = (isResidual ? 0.5 : 1) / fanIn.squareRoot() * Self.truncated
            #expect(abs(deviation(values) / expected - 1) < 4 / Double(values.count).squareRoot(), "\(part)")
        }
    }

    /// `tf.layers.dense` without an initializer, as `embeddings_project` and the second layer of ELECTRA's discriminator head.
    @Test("Glorot's rule for what ELECTRA leaves to TensorFlow, and for nothing else")
    func glorot() throws {
        func model(_ glorot: Bool, zero: Bool = false) -> ReplacedTokenModel {
            var model = ModelConfiguration()
            model.layerCount = 1
            model.initialization.glorotProjections = glorot
            model.initialization.zeroDetectionOutput = zero
            return ReplacedTokenModel(
                model: model, parametrization: .init(), vocabularySize: 100,
                limits: .init(tokens: 64, sequences: 4, longestSegment: 32, maskFraction: 0.3))
        }
        let layout = model(true).layout
        let (drawn, plain) = (initialized(layout), initialized(model(false).layout))
        for spec in layout.specs {
            let range = spec.offset..<spec.offset + spec.count
            let bound: Double? =
                switch spec.name {
                case "discriminator.projection.weight": (6 / (128.0 + 256)).squareRoot()
                case "generator.projection.weight": (6 / (128.0 + 64)).squareRoot()
                case "discriminator.head.output.weight": (6 / 257.0).squareRoot()
                default: nil
                }
            guard let bound else {
                #expect(range.allSatisfy { drawn.base[$0] == plain.base[$0] }, "\(spec.name)")
                continue
            }
            #expect(spec.initialization == .uniform(bound: bound), "\(spec.name)")
            let values = range.map { Double(drawn.base[$0]) }
            let mean = values.reduce(0, +) / Double(values.count)
            #expect(values.allSatisfy { abs($0) <= bound } && abs(values.max()! / bound - 1) < 0.05, "\(spec.name)")
            #expect(abs(mean) < 4 * bound / (3 * Double(values.count)).squareRoot(), "\(spec.name)")
            #expect(abs(deviation(values) * 3.0.squareRoot() / bound - 1) < 0.12, "\(spec.name)")
        }
        let zero = model(true, zero: true).layout
        #expect(zero["discriminator.head.output.weight"]?.initialization == .zeros)
    }

    @Test("Glorot's bounds are those of the base width")
    func glorotWidths() throws {
        func bounds(_ hidden: Int, growing: Bool) -> [Double] {
            var model = ModelConfiguration()
            model.layerCount = 1
            (model.hiddenSize, model.headCount, model.embeddingSize) = (hidden, hidden / 64, growing ? hidden : 128)
            model.initialization.glorotProjections = true
            var parametrization = ParametrizationConfiguration()
            parametrization.baseHiddenSize = 256
            let layout = ReplacedTokenModel(
                model: model, parametrization: parametrization, vocabularySize: 100,
                limits: .init(tokens: 64, sequences: 4, longestSegment: 32, maskFraction: 0.3)
            ).layout
            return [
                "generator.projection.weight", "discriminator.projection.weight", "discriminator.head.output.weight",
            ]
            .map { name in
                guard case .uniform(let bound)? = layout[name]?.initialization else { return 0 }
                return bound
            }
        }
        for growing in [false, true] {
            for (base, wide) in zip(bounds(256, growing: growing), bounds(1024, growing: growing)) {
                #expect(abs(base - wide) < 1e-12)
            }
        }
    }

    @Test("muP shrinks hidden matrices with the root of the width ratio")
    func widthRatio() throws {
        var builder = ParameterBuilder(initialization: .init())
        builder.widthRatio = 4
        _ = builder.matrix("hidden", output: 64, input: 64, role: .hidden)
        _ = builder.matrix("readout", output: 64, input: 64, role: .readout)
        let layout = builder.finished()
        let buffer = initialized(layout)
        #expect(abs(deviation(try values(layout, buffer, "hidden")) / (0.01 * Self.truncated) - 1) < 0.06)
        #expect(abs(deviation(try values(layout, buffer, "readout")) / (0.02 * Self.truncated) - 1) < 0.06)
    }

    @Test("Golden: the values of seed 17 have not changed")
    func golden() {
        let layout = ParameterLayoutTests.layout(model(), vocabulary: 50)
        let hash = bits(initialized(layout)).reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3
        }
        #expect(hash == 9_235_320_384_082_234_433)
    }
}
