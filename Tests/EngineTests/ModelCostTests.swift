import Engine
import Machine
import Pretraining
import Testing

@Suite struct ModelCostTests {
    private func cost(_ change: (inout RunConfiguration) -> Void = { _ in }) -> ModelCost {
        var configuration = RunConfiguration()
        change(&configuration)
        let engine = configuration.engine
        return ModelCost(engine, model: TrainingEngine.model(engine, vocabularySize: 1000), threads: 1)
    }

    @Test("A checkpoint is written from a copy of weights and moments, which counts")
    func copies() {
        let (adam, muon) = (cost(), cost { $0.optimizer.kind = .muon })
        #expect(
            adam.checkpointBytes >= 4 * 3 * adam.parameters && adam.memoryBytes > adam.stateBytes + adam.checkpointBytes
        )
        #expect(muon.checkpointBytes <= adam.checkpointBytes)
    }

    @Test("As many runs side by side as there is memory for, and one in any case")
    func sideBySide() {
        let small = cost()
        let large = cost { $0.model.layerCount = 24 }
        func limits(_ bytes: Int) -> MachineLimits {
            MachineLimits(
                root: "/none", physicalBytes: bytes, affinity: 1, addressSpace: nil, data: nil,
                used: (addressSpace: 0, data: 0))
        }
        func jobs(_ costs: [ModelCost], _ wanted: Int, _ bytes: Int) -> Int {
            ModelCost.jobs(thatFit: costs, of: wanted, limits(bytes))
        }
        let (one, more) = (small.memoryBytes, large.memoryBytes)
        #expect(jobs([small, small, small], 3, 3 * one) == 3)
        #expect(jobs([small, small, small], 3, 3 * one - 1) == 2)
        #expect(jobs([small, small, small], 3, 1) == 1)
        // The largest may run together.
        #expect(jobs([small, large, small, large], 2, 2 * more - 1) == 1)
        #expect(jobs([small, large], 2, one + more) == 2)
        // More threads than runs are no more memory.
        #expect(jobs([small], 8, one) == 8)
    }
}
