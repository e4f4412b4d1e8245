import Encoder
import Engine

/// The readout weights of an engine as they were before training.
struct Readouts {
    private let initial: [(spec: ParameterSpec, values: [Float])]

    init(_ engine: TrainingEngine) {
        initial = engine.state.layout.specs.filter { $0.role == .readout }.map { spec in
            (spec, Array(UnsafeBufferPointer(start: engine.state.weights.base + spec.offset, count: spec.count)))
        }
    }

    /// Whether these weights make a module's outputs: `discriminator.logits`, or `generator.logits` if its table is its own.
    func isRead(by module: String) -> Bool {
        let parts = module.split(separator: ".")
        guard parts.count == 2, parts[1] == "logits" else { return false }
        return initial.contains { $0.spec.name.hasPrefix("\(parts[0]).") }
    }

    /// Puts the initial values in the place of the present ones for as long as `body` runs.
    func withInitialWeights<Result>(_ engine: TrainingEngine, _ body: () -> Result) -> Result {
        let weights = engine.state.weights.base
        let present = initial.map { spec, _ in
            Array(UnsafeBufferPointer(start: weights + spec.offset, count: spec.count))
        }
        func set(_ index: Int, _ values: [Float]) {
            (weights + initial[index].spec.offset).update(from: values, count: values.count)
        }
        for index in initial.indices { set(index, initial[index].values) }
        engine.weightsChanged()
        defer {
            for index in initial.indices { set(index, present[index]) }
            engine.weightsChanged()
        }
        return body()
    }
}
