import Encoder
import Engine
import Kernels
import Machine
import Pretraining
import TestModels
import TestSupport
import Testing

/// A number that is not finite, planted anywhere at any time, is found before a checkpoint would have it, and named.
@Suite struct PlantedNumberTests {
    private static let recipes: [(name: String, change: @Sendable (inout RunConfiguration) -> Void)] = [
        ("adamw", { _ in }),
        (
            "muon, two optimizers",
            {
                $0.optimizer.kind = .muon
                $0.optimizer.separate = true
            }
        ),
    ]

    private enum Kind: CaseIterable {
        case weight, moment, update
    }

    @Test("In every tensor", arguments: recipes.map(\.name))
    func everywhere(_ name: String) throws {
        let recipe = try #require(Self.recipes.first { $0.name == name })
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        let engine = try TrainingEngine(
            EngineTests.configuration(recipe.change).engine, vocabularySize: EngineTests.vocabulary,
            special: EngineTests.special, pool: pool)
        var random = SplitMix64(seed: 17)
        let buffers = engine.state.optimizer
        for spec in engine.state.layout.specs {
            for kind in Kind.allCases {
                let value = [Float.nan, .infinity, -.infinity].randomElement(using: &random) ?? .nan
                let place = spec.offset + Int.random(in: 0..<spec.count, using: &random)
                let planted = Int.random(in: 1...3, using: &random)
                engine.initialize()
                for (_, buffer) in buffers { buffer.zero() }
                var error: NonFiniteError?
                do {
                    for step in 1...4 {
                        if step == planted {
                            switch kind {
                            case .weight:
                                engine.state.weights.base[place] = value
                                engine.weightsChanged()
                            case .moment:
                                let moments = buffers.randomElement(using: &random)
                                moments?.buffer.base[place] = value
                            // As a step that computes nonsense would leave it, behind all checks of gradients.
                            case .update:
                                _ = try engine.train(EngineTests.batch(sequences: 12, seed: UInt64(step)), step: step)
                                engine.state.weights.base[place] = value
                                try engine.state.check(step: step)
                            }
                        }
                        _ = try engine.train(EngineTests.batch(sequences: 12, seed: UInt64(step)), step: step)
                        try engine.state.check(step: step)
                    }
                } catch let found as NonFiniteError { error = found }
                // A first moment of a tensor that Muon moves has no second one, which nobody reads.
                if error == nil, kind == .moment { continue }
                let shown = "\(spec.name), \(kind) \(value) at step \(planted): \(error.map { "\($0)" } ?? "not found")"
                switch error?.place {
                case .weight(let tensor, let index)?:
                    #expect(kind == .moment || (tensor == spec.name && index == place - spec.offset), "\(shown)")
                case .moment(_, let tensor, let index)?:
                    #expect(kind == .moment && tensor == spec.name && index == place - spec.offset, "\(shown)")
                default: Issue.record("\(shown)")
                }
            }
        }
    }
}
