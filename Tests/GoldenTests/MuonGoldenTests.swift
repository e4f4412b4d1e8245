import Encoder
import Kernels
import Optimization
import Parametrization
import TestSupport
import Testing

/// Muon against `torch.optim.Muon`, which orthogonalizes in bfloat16, so that its updates are off by up to some hundredths.
@Suite("Golden: Muon")
struct MuonGoldenTests {
    @Test(arguments: MuonScaling.allCases, [(8, 24), (24, 8), (16, 16)])
    func steps(_ scaling: MuonScaling, _ shape: (rows: Int, columns: Int)) throws {
        let file = try Fixture.open("muon")
        let name = "\(scaling.rawValue).\(shape.rows)x\(shape.columns)"
        var builder = ParameterBuilder(initialization: .init())
        builder.isWithinBranch = true
        _ = builder.matrix("matrix", output: shape.rows, input: shape.columns, role: .hidden)
        let layout = builder.finished()
        let count = shape.rows * shape.columns
        var configuration = OptimizerConfiguration()
        configuration.kind = .muon
        configuration.muon.scaling = scaling
        configuration.muon.peakLearningRate = 0.03
        configuration.muon.momentum = 0.9
        configuration.muon.weightDecay = 0.1
        let optimizer = Optimizer(configuration, layout, parametrization: .init())
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        let buffers = (0..<4).map { _ in FloatBuffer(count: layout.bufferCount) }
        let initial = try file.floats(of: "\(name).initial")
        for i in 0..<count { buffers[0].base[i] = initial[i] }
        var before = initial
        for step in 0..<3 {
            for (i, value) in try file.floats(of: "\(name).gradient\(step)").enumerated() { buffers[1].base[i] = value }
            optimizer.update(
                weights: buffers[0], gradients: buffers[1], state: [buffers[2], buffers[3]], step: step + 1,
                scheduleFactor: 1, gradientScales: [1], pool: pool)
            let expected = try file.floats(of: "\(name).parameter\(step)")
            // What each has moved; decay is the same in both.
            let own = (0..<count).map { Double(buffers[0].base[$0] - before[$0]) }
            let theirs = (0..<count).map { Double(expected[$0] - before[$0]) }
            #expect(relativeError(own, theirs) < 0.03, "step \(step)")
            for i in 0..<count { buffers[0].base[i] = expected[i] }
            before = expected
        }
        let momentum = try file.doubles(of: "\(name).momentum")
        #expect(relativeError((0..<count).map { Double(buffers[2].base[$0]) }, momentum) < 1e-6)
    }
}
