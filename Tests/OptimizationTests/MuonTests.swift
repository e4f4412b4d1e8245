import Encoder
import Foundation
import Kernels
import Optimization
import Parametrization
import TestSupport
import Testing

@Suite("Muon")
struct MuonTests {
    private static let coefficients = (a: 3.4445, b: -4.7750, c: 2.0315)

    /// The iteration as it is written down, in double precision.
    private func reference(_ matrix: [[Double]], iterations: Int = 5) -> [[Double]] {
        func transposed(_ x: [[Double]]) -> [[Double]] { x[0].indices.map { column in x.map { $0[column] } } }
        func product(_ x: [[Double]], _ y: [[Double]]) -> [[Double]] {
            let columns = transposed(y)
            return x.map { row in columns.map { zip(row, $0).reduce(0) { $0 + $1.0 * $1.1 } } }
        }
        let isTall = matrix.count > matrix[0].count
        var x = isTall ? transposed(matrix) : matrix
        let norm = x.joined().reduce(0) { $0 + $1 * $1 }.squareRoot() + 1e-7
        x = x.map { $0.map { $0 / norm } }
        for _ in 0..<iterations {
            let gram = product(x, transposed(x))
            let square = product(gram, gram)
            let mixed = zip(gram, square).map {
                zip($0, $1).map { Self.coefficients.b * $0 + Self.coefficients.c * $1 }
            }
            let change = product(mixed, x)
            x = zip(x, change).map { zip($0, $1).map { Self.coefficients.a * $0 + $1 } }
        }
        return isTall ? transposed(x) : x
    }

    @Test("Orthogonalization against its definition", arguments: [(5, 12), (12, 5), (8, 8), (1, 9), (9, 1), (40, 33)])
    func orthogonalization(_ shape: (rows: Int, columns: Int)) {
        var random = SplitMix64(seed: 7)
        let matrix = GuardedMatrix(shape.rows, shape.columns, padding: 3, random: &random)
        let expected = reference((0..<shape.rows).map { row in (0..<shape.columns).map { Double(matrix[row, $0]) } })
        Orthogonalization(rows: shape.rows, columns: shape.columns)(matrix.matrix)
        #expect(relativeError(matrix.values, Array(expected.joined())) < 1e-4)
        #expect(matrix.isIntact)
    }

    @Test("Singular values come near to one: X·Xᵀ near to the identity") func singularValues() {
        var random = SplitMix64(seed: 8)
        let matrix = GuardedMatrix(16, 64, random: &random)
        Orthogonalization(rows: 16, columns: 64)(matrix.matrix)
        for row in 0..<16 {
            for other in 0..<16 {
                let product = (0..<64).reduce(0.0) { $0 + Double(matrix[row, $1]) * Double(matrix[other, $1]) }
                // Between 0.7² and 1.2² on the diagonal.
                #expect(abs(product - (row == other ? 1 : 0)) < 0.5)
            }
        }
    }

    @Test("In bfloat16 it is the same up to rounding", arguments: [(16, 64), (64, 16), (24, 24)])
    func bfloat16(_ shape: (rows: Int, columns: Int)) {
        var random = SplitMix64(seed: 9)
        let single = GuardedMatrix(shape.rows, shape.columns, padding: 3, random: &random)
        let rounded = single.copy()
        Orthogonalization(rows: shape.rows, columns: shape.columns)(single.matrix)
        Orthogonalization(rows: shape.rows, columns: shape.columns, precision: .bfloat16)(rounded.matrix)
        let error = relativeError(rounded.values, single.values)
        // Eight bits of significand, through fifteen products.
        #expect(error < 0.1 && error > 1e-6)
        #expect(rounded.isIntact)
    }

    @Test("A matrix of zeros stays one") func zeros() {
        let matrix = GuardedMatrix(4, 8) { _, _ in 0 }
        Orthogonalization(rows: 4, columns: 8)(matrix.matrix)
        #expect(matrix.values.allSatisfy { $0 == 0 })
    }

    /// A layer's matrices at width ratio 4, a head, a table, a norm.
    private static let layout: ParameterLayout = {
        var builder = ParameterBuilder(initialization: .init())
        _ = builder.table("table", count: 30, width: 8)
        builder.widthRatio = 4
        builder.isWithinBranch = true
        _ = builder.matrix("query", output: 24, input: 24, role: .hidden)
        _ = builder.matrix("input", output: 40, input: 24, role: .hidden)
        _ = builder.matrix("output", output: 24, input: 40, role: .hidden, residualLayers: 2)
        _ = builder.norm("norm", 24)
        builder.isWithinBranch = false
        _ = builder.matrix("head", output: 24, input: 24, role: .hidden)
        return builder.finished()
    }()

    private func buffer(_ seed: UInt64) -> FloatBuffer {
        let buffer = FloatBuffer(count: Self.layout.bufferCount)
        var random = SplitMix64(seed: seed)
        for spec in Self.layout.specs {
            for index in 0..<spec.count { buffer.base[spec.offset + index] = Float(random.normal()) }
        }
        return buffer
    }

    private func configuration(_ change: (inout OptimizerConfiguration) -> Void = { _ in }) -> OptimizerConfiguration {
        var configuration = OptimizerConfiguration()
        configuration.kind = .muon
        configuration.muon.weightDecay = 0
        change(&configuration)
        return configuration
    }

    /// Weights and state after a few steps.
    private func run(_ configuration: OptimizerConfiguration, threads: Int) -> (
        weights: FloatBuffer, state: [FloatBuffer]
    ) {
        let pool = ThreadPool(threadCount: threads)
        defer { pool.shutDown() }
        let optimizer = Optimizer(configuration, Self.layout, parametrization: .init())
        let weights = buffer(1)
        let state = (0..<2).map { _ in FloatBuffer(count: weights.count) }
        for step in 1...3 {
            let gradients = buffer(UInt64(10 + step))
            optimizer.update(
                weights: weights, gradients: gradients, state: state, step: step, scheduleFactor: 1,
                gradientScales: [1],
                pool: pool)
            #expect(gradients.elements.allSatisfy { $0 == 0 })
        }
        return (weights, state)
    }

    @Test("Matrices of layers have no second moments, all else is AdamW's") func members() {
        let (weights, state) = run(configuration(), threads: 2)
        var plain = configuration()
        plain.kind = .adamW
        let (adamW, _) = run(plain, threads: 2)
        for spec in Self.layout.specs {
            let range = spec.offset..<spec.offset + spec.count
            let isMatrix = ["query", "input", "output"].contains(spec.name)
            #expect(range.allSatisfy { (state[1].base[$0] == 0) == isMatrix }, "\(spec.name)")
            #expect(range.allSatisfy { weights.base[$0] == adamW.base[$0] } == !isMatrix, "\(spec.name)")
        }
    }

    @Test("The same bits on any number of threads", arguments: [1, 3, 8]) func threads(_ count: Int) {
        let one = run(configuration(), threads: 2)
        let other = run(configuration(), threads: count)
        #expect(one.weights.elements.map(\.bitPattern) == other.weights.elements.map(\.bitPattern))
        #expect(one.state[0].elements.map(\.bitPattern) == other.state[0].elements.map(\.bitPattern))
    }

    @Test("Steps are as large as scale and width ask for", arguments: MuonScaling.allCases)
    func steps(_ scaling: MuonScaling) throws {
        let rate = 0.01
        let settings = configuration {
            $0.muon.scaling = scaling
            $0.muon.peakLearningRate = rate
            $0.muon.momentum = 0
        }
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        for name in ["query", "input", "output"] {
            let spec = try #require(Self.layout[name])
            let (weights, before, gradients) = (buffer(1), buffer(1), buffer(2))
            let update = GuardedMatrix(spec.shape[0], spec.shape[1]) {
                gradients.base[spec.offset + $0 * spec.shape[1] + $1]
            }
            Orthogonalization(rows: spec.shape[0], columns: spec.shape[1])(update.matrix)
            Optimizer(settings, Self.layout, parametrization: .init()).update(
                weights: weights, gradients: gradients, state: [buffer(3), buffer(3)], step: 1, scheduleFactor: 1,
                gradientScales: [1], pool: pool)
            // The width is four times its base, where the rate of AdamW's size halves.
            let (rows, columns) = (Double(spec.shape[0]), Double(spec.shape[1]))
            let factor =
                scaling == .spectral
                ? max(1, rows / columns).squareRoot() : 0.2 * max(rows, columns).squareRoot() / 2
            let moved = (0..<spec.count).map { Double(before.base[spec.offset + $0] - weights.base[spec.offset + $0]) }
            let expected: [Double] = update.values.map { Double($0) * rate * factor }
            #expect(relativeError(moved, expected) < 1e-4, "\(name)")
        }
    }

    @Test("Weights decay by rate times decay, whatever the width", arguments: MuonScaling.allCases)
    func decay(_ scaling: MuonScaling) throws {
        let settings = configuration {
            $0.muon.scaling = scaling
            $0.muon.peakLearningRate = 0.125
            $0.muon.weightDecay = 0.5
        }
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        let (weights, before) = (buffer(1), buffer(1))
        let zeros = (0..<3).map { _ in FloatBuffer(count: weights.count) }
        Optimizer(settings, Self.layout, parametrization: .init()).update(
            weights: weights, gradients: zeros[0], state: [zeros[1], zeros[2]], step: 1, scheduleFactor: 0.5,
            gradientScales: [1], pool: pool)
        let spec = try #require(Self.layout["query"])
        for index in spec.offset..<spec.offset + spec.count {
            #expect(weights.base[index] == before.base[index] * (1 - 0.5 * 0.125 * 0.5))
        }
    }

    @Test("Cautious decay leaves weights that move away from zero")
    func cautiousDecay() throws {
        func moved(cautious: Bool, decay: Double) -> [Float] {
            let settings = configuration {
                $0.cautiousWeightDecay = cautious
                $0.muon.weightDecay = decay
            }
            let pool = ThreadPool(threadCount: 1)
            defer { pool.shutDown() }
            let weights = buffer(1)
            Optimizer(settings, Self.layout, parametrization: .init()).update(
                weights: weights, gradients: buffer(2), state: [buffer(3), buffer(3)], step: 1, scheduleFactor: 1,
                gradientScales: [1], pool: pool)
            return Array(weights.elements)
        }
        let before = Array(buffer(1).elements)
        let plain = moved(cautious: false, decay: 0)
        let (decayed, cautious) = (moved(cautious: false, decay: 0.5), moved(cautious: true, decay: 0.5))
        let spec = try #require(Self.layout["query"])
        var spared = 0
        for index in spec.offset..<spec.offset + spec.count {
            let movesAway = (plain[index] - before[index]) * before[index] > 0
            #expect(cautious[index] == (movesAway ? plain : decayed)[index])
            if movesAway { spared += 1 }
        }
        #expect(spared > 0 && spared < spec.count)
    }
}
