import Communication
import Engine
import Foundation
import Kernels
import Objectives
import Pretraining
import TestModels
import Testing

/// Replicas that train by themselves and meet every few steps, as threads of this process.
@Suite("Replicas", .serialized)
struct ReplicaTests {
    private struct Numbers: Equatable, Sendable {
        var weights: [UInt32]
        var moments: [[UInt32]]
        var outer: [UInt32] = []
    }

    private static let settings: SynchronisationConfiguration = {
        var settings = SynchronisationConfiguration()
        settings.every = 3
        return settings
    }()

    private static func engine(
        _ configuration: RunConfiguration, _ index: Int, of count: Int, pool: ThreadPool
    ) throws -> TrainingEngine {
        let engine = try TrainingEngine(
            configuration.engine.replica(Replica(index: index, count: count)), vocabularySize: EngineTests.vocabulary,
            special: EngineTests.special, pool: pool)
        engine.initialize()
        return engine
    }

    /// The engine's part of a batch of twelve sequences.
    private static func step(_ engine: TrainingEngine, _ index: Int, of count: Int, step: Int) throws {
        let batch = EngineTests.batch(sequences: 12, seed: UInt64(step))
        let part = batch.sequences(index * 12 / count..<(index + 1) * 12 / count)
        #expect(part.sequenceCount == 12 / count)
        _ = try engine.train(part, step: step)
    }

    private static func numbers(_ engine: TrainingEngine) -> Numbers {
        Numbers(
            weights: engine.state.weights.elements.map(\.bitPattern),
            moments: engine.state.optimizer.map { $0.buffer.elements.map(\.bitPattern) })
    }

    private static func train(
        _ configuration: RunConfiguration, replicas: Int, threads: Int, rounds: Int
    ) throws -> [Numbers] {
        try ThreadRanks.run(replicas, threads: threads) { group, pool in
            let engine = try engine(configuration, group.rank, of: replicas, pool: pool)
            let synchronisation = ReplicaSynchronisation(settings, engine, replicas == 1 ? nil : group)
            try synchronisation.distribute()
            for step in 1...rounds * settings.every {
                group.step = step
                try Self.step(engine, group.rank, of: replicas, step: step)
                guard step % settings.every == 0 else { continue }
                let reports = try synchronisation.synchronise(skipped: group.rank, signal: 0)
                #expect(reports.map(\.skipped) == Array(0..<replicas))
                // Everything once to its part's owner and once from it, but what is one's own.
                let buffers = 1 + engine.state.optimizer.count
                let bytes = 2 * 4 * buffers * engine.state.weights.count * (replicas - 1) / replicas
                #expect(reports.allSatisfy { abs($0.timing.sent - bytes) < 40_000 })
            }
            try synchronisation.gather()
            var numbers = numbers(engine)
            if group.leads { numbers.outer = engine.state.outerMomentum!.elements.map(\.bitPattern) }
            return numbers
        }
    }

    private static let cases =
        [
            RecipeTests.Case(name: "electra") { $0.model.dropout = 0.1 },
            RecipeTests.Case(name: "two optimizers, Muon, metro, in bfloat16") {
                $0.optimizer.kind = .muon
                $0.optimizer.separate = true
                $0.objective.name = .metro
                $0.model.embeddingSharing = .tokenOnly
                $0.training.precision = .bfloat16
            },
        ]

    @Test("All are one model after they met, on any number of threads", arguments: cases)
    func oneModel(_ recipe: RecipeTests.Case) throws {
        let configuration = recipe.configuration()
        for replicas in [1, 2, 3] {
            let all = try Self.train(configuration, replicas: replicas, threads: 1, rounds: 2)
            #expect(all.allSatisfy { $0.weights == all[0].weights && $0.moments == all[0].moments })
            #expect(try Self.train(configuration, replicas: replicas, threads: 2, rounds: 2) == all)
        }
    }

    @Test("A round is what replicas that know nothing of one another come to, averaged by hand", arguments: cases)
    func byHand(_ recipe: RecipeTests.Case) throws {
        let configuration = recipe.configuration()
        let replicas = 3
        let actual = try Self.train(configuration, replicas: replicas, threads: 1, rounds: 1)[0]
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        let first = try Self.engine(configuration, 0, of: replicas, pool: pool)
        let anchor = first.state.weights.elements.map { $0 }
        var engines = [first]
        for index in 1..<replicas {
            let engine = try Self.engine(configuration, index, of: replicas, pool: pool)
            #expect(engine.state.weights.elements.map { $0 } != anchor, "each would begin with weights of its own")
            engine.state.weights.base.update(from: first.state.weights.base, count: anchor.count)
            engine.weightsChanged()
            engines.append(engine)
        }
        for (index, engine) in engines.enumerated() {
            for step in 1...Self.settings.every { try Self.step(engine, index, of: replicas, step: step) }
        }
        #expect(engines[1].state.weights.elements.map { $0 } != engines[2].state.weights.elements.map { $0 })
        let decay = configuration.optimizer.kind == .muon ? 0.6 : 0.9
        // Where a tensor is derived from others its own place means nothing.
        let layout = first.state.layout
        for spec in layout.specs {
            for place in spec.offset..<spec.offset + spec.count {
                let mean = engines.reduce(0.0) { $0 + Double($1.state.weights.base[place]) } / Double(replicas)
                let gradient = Double(anchor[place]) - mean
                let expected = Double(anchor[place]) - 0.7 * (1 + decay) * gradient
                #expect(abs(Double(Float(bitPattern: actual.weights[place])) - expected) < 2e-6)
                #expect(abs(Double(Float(bitPattern: actual.outer[place])) - gradient) < 1e-6)
            }
        }
        for (index, moments) in actual.moments.enumerated() {
            for place in moments.indices {
                let mean =
                    engines.reduce(0.0) { $0 + Double($1.state.optimizer[index].buffer.base[place]) }
                    / Double(replicas)
                #expect(abs(Double(Float(bitPattern: moments[place])) - mean) <= 1e-6 * max(1, abs(mean)))
            }
        }
    }
}
