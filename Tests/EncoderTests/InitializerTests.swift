import Encoder
import Kernels
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
