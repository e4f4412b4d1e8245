import Interchange
import Kernels
import TestSupport
import Testing

/// SAGE against torch in double precision: steps from the first on, and a late one by the formulas of the authors' release.
@Suite("Golden: SAGE")
struct SAGEGoldenTests {
    private static let names = ["parameter", "first_moment", "second_moment", "importance"]

    private func number(_ file: SafetensorsFile, _ key: String) throws -> Double {
        let text = try #require(file.header.metadata[key])
        return try #require(Double(text))
    }

    private func update(_ file: SafetensorsFile, _ state: [GuardedMatrix], gradient: String, step: Int) throws {
        let gradient = GuardedMatrix(try file.floats(of: gradient))
        Kernels.sage(
            weights: state[0].base, gradient: gradient.base, firstMoment: state[1].base, secondMoment: state[2].base,
            importance: state[3].base, importanceDecay: try number(file, "beta3"), count: gradient.columns,
            .init(
                learningRate: try number(file, "learning_rate"), beta1: try number(file, "beta1"),
                beta2: try number(file, "beta2"), epsilon: try number(file, "epsilon"),
                weightDecay: try number(file, "weight_decay"), step: step, biasCorrection: true, gradientScale: 1))
        #expect(gradient.values.allSatisfy { $0 == 0 })
    }

    private func compare(_ file: SafetensorsFile, _ state: [GuardedMatrix], _ prefix: String) throws {
        for (name, actual) in zip(Self.names, state) {
            let expected = try file.doubles(of: "\(prefix).\(name)")
            #expect(relativeError(actual.values, expected) < 2e-6, "\(prefix), \(name)")
            #expect(actual.isIntact)
        }
    }

    @Test("From the first step on") func steps() throws {
        let file = try Fixture.open("sage")
        let initial = try file.floats(of: "initial")
        let zeros = (0..<3).map { _ in GuardedMatrix(initial.map { _ in 0 }) }
        let state = [GuardedMatrix(initial)] + zeros
        for step in 0..<Int(try number(file, "steps")) {
            try update(file, state, gradient: "step\(step).gradient", step: step + 1)
            try compare(file, state, "step\(step)")
        }
    }

    @Test("A late step is that of the authors' release") func late() throws {
        let file = try Fixture.open("sage")
        let state = try Self.names.map { GuardedMatrix(try file.floats(of: "late.initial.\($0)")) }
        #expect(state[3].values.allSatisfy { $0 > 0 })
        try update(file, state, gradient: "late.gradient", step: Int(try number(file, "late_step")))
        try compare(file, state, "late")
    }
}
