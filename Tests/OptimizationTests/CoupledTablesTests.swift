import Encoder
import Kernels
import Optimization
import Parametrization
import TestSupport
import Testing

/// Tables whose rows share their second moments.
@Suite struct CoupledTablesTests {
    /// A table of several slices whose rows do not end where slices do, and one that is narrower than a vector.
    static let layout: ParameterLayout = {
        var builder = ParameterBuilder(initialization: .init())
        _ = builder.table("words", count: 3000, width: 72)
        _ = builder.table("types", count: 2, width: 4)
        _ = builder.matrix("hidden", output: 16, input: 72, role: .hidden)
        return builder.finished()
    }()

    private static func configuration() -> OptimizerConfiguration {
        var configuration = OptimizerConfiguration()
        configuration.coupledTables = true
        configuration.peakLearningRate = 0.01
        configuration.weightDecay = 0.1
        configuration.beta2 = 0.98
        return configuration
    }

    private static func fill(_ buffer: FloatBuffer, seed: UInt64, scale: Float = 1) {
        var random = SplitMix64(seed: seed)
        for spec in layout.specs {
            for index in 0..<spec.count {
                // Rows differ in how large their gradients are, as those of words do.
                let row = index / (spec.shape.last ?? 1)
                buffer.base[spec.offset + index] = scale * Float(random.normal()) / Float(1 + row % 97)
            }
        }
    }

    private struct Outcome: Equatable {
        var weights: [Float]
        var moments: [[Float]]
    }

    private static func run(
        _ configuration: OptimizerConfiguration, threads: Int, gradientScale: Double = 0.5
    ) -> Outcome {
        let pool = ThreadPool(threadCount: threads)
        defer { pool.shutDown() }
        let optimizer = Optimizer(configuration, layout, parametrization: .init())
        let buffers = (0..<4).map { _ in FloatBuffer(count: layout.bufferCount) }
        fill(buffers[0], seed: 1)
        for step in 1...4 {
            fill(buffers[1], seed: UInt64(100 + step), scale: 0.1)
            optimizer.update(
                weights: buffers[0], gradients: buffers[1], state: [buffers[2], buffers[3]], step: step,
                scheduleFactor: 1, gradientScales: [gradientScale], pool: pool)
        }
        return Outcome(weights: Array(buffers[0].elements), moments: buffers[2...].map { Array($0.elements) })
    }

    @Test(arguments: ["words", "types", "hidden"]) func aTableMovesAsInDouble(name: String) throws {
        let (configuration, scale) = (Self.configuration(), 0.5)
        let outcome = Self.run(configuration, threads: 2, gradientScale: scale)
        let spec = try #require(Self.layout[name])
        let columns = spec.shape[1]
        let weights = FloatBuffer(count: Self.layout.bufferCount)
        let gradients = FloatBuffer(count: Self.layout.bufferCount)
        Self.fill(weights, seed: 1)
        var expected = (0..<spec.count).map { Double(weights.base[spec.offset + $0]) }
        var first = [Double](repeating: 0, count: spec.count)
        var second = first
        for step in 1...4 {
            Self.fill(gradients, seed: UInt64(100 + step), scale: 0.1)
            let g = (0..<spec.count).map { scale * Double(gradients.base[spec.offset + $0]) }
            var means = [Double](repeating: 0, count: columns)
            for (index, value) in g.enumerated() { means[index % columns] += value * value / Double(spec.shape[0]) }
            var corrections = (1.0, 1.0)
            for _ in 0..<step { corrections = (corrections.0 * 0.9, corrections.1 * 0.98) }
            for index in g.indices {
                first[index] = 0.9 * first[index] + 0.1 * g[index]
                let square = spec.isEmbeddingTable ? means[index % columns] : g[index] * g[index]
                second[index] = 0.98 * second[index] + 0.02 * square
                let m = first[index] / (1 - corrections.0)
                let v = second[index] / (1 - corrections.1)
                expected[index] -= 0.01 * 0.1 * expected[index]
                expected[index] -= 0.01 * m / (v.squareRoot() + 1e-6)
            }
        }
        let worst = (0..<spec.count).map { abs(Double(outcome.weights[spec.offset + $0]) - expected[$0]) }.max()
        #expect(worst ?? 1 < 2e-6)
        if spec.isEmbeddingTable {
            let moments = Array(outcome.moments[1][spec.offset..<spec.offset + spec.count])
            #expect(moments.indices.allSatisfy { moments[$0] == moments[$0 % columns] && moments[$0] > 0 })
        }
    }

    @Test func theBitsAreThoseOfAnyNumberOfThreads() {
        let one = Self.run(Self.configuration(), threads: 1)
        for threads in [2, 3] { #expect(Self.run(Self.configuration(), threads: threads) == one) }
        var plain = Self.configuration()
        plain.coupledTables = false
        #expect(Self.run(plain, threads: 1) != one)
    }

    @Test func cautiousDecayAndGradientsThatClippingTames() {
        var cautious = Self.configuration()
        cautious.cautiousWeightDecay = true
        #expect(Self.run(cautious, threads: 2) != Self.run(Self.configuration(), threads: 2))
        // Gradients whose squares are beyond Float, and the factor that makes them small.
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        let optimizer = Optimizer(Self.configuration(), Self.layout, parametrization: .init())
        let buffers = (0..<4).map { _ in FloatBuffer(count: Self.layout.bufferCount) }
        Self.fill(buffers[1], seed: 5, scale: 1e25)
        optimizer.update(
            weights: buffers[0], gradients: buffers[1], state: [buffers[2], buffers[3]], step: 1, scheduleFactor: 1,
            gradientScales: [1e-25], pool: pool)
        #expect(buffers.allSatisfy { $0.elements.allSatisfy(\.isFinite) })
        #expect(buffers[3].elements.contains { $0 > 0 })
    }
}
