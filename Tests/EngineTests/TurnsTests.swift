import Encoder
import Engine
import Kernels
import Pretraining
import Synchronization
import Testing

/// Networks that take turns within a step.
@Suite("The generator first")
struct TurnsTests {
    static func configuration(_ change: (inout RunConfiguration) -> Void = { _ in }) -> RunConfiguration {
        EngineTests.configuration {
            $0.model.embeddingSharing = .disentangled
            $0.optimizer.separate = true
            change(&$0)
        }
    }

    static let sharings: [EmbeddingSharing] = [.disentangled, .tokenOnly, .shared, .separate]

    @Test("A rank that gives up behind the generator's turn leaves none with half of a step")
    func alarmBetweenTurns() throws {
        let configuration = Self.configuration { $0.optimizer.generatorFirst = true }
        let areAsBefore = try ThreadRanks.run(2, threads: 1) { group, pool in
            let engine = try TrainingEngine(
                configuration.engine, vocabularySize: EngineTests.vocabulary, special: EngineTests.special,
                pool: pool, ranks: group)
            engine.initialize()
            _ = try engine.train(EngineTests.batch(sequences: 12, seed: 1), step: 1)
            func bits() -> [UInt32] {
                let buffers = [engine.state.weights] + engine.state.optimizer.map(\.buffer)
                return buffers.flatMap { $0.elements.map(\.bitPattern) }
            }
            let before = bits()
            let hasRaised = Mutex(false)
            // Before it moves the generator; the other may hear of it while it waits for these weights.
            engine.seesGradients = { _, range in
                guard group.rank == 1, range.lowerBound == 0 else { return }
                group.raise(.failed(reason: "planned"))
                hasRaised.withLock { $0 = true }
            }
            engine.isCancelled = { hasRaised.withLock { $0 } }
            do { _ = try engine.train(EngineTests.batch(sequences: 12, seed: 2), step: 2) } catch {
                return bits() == before
            }
            return false
        }
        #expect(areAsBefore == [true, true])
    }

    @Test("With a generator that stands still, the same bits as both at once", arguments: sharings)
    func standingStill(_ sharing: EmbeddingSharing) throws {
        func train(inTurns: Bool) throws -> (weights: [UInt32], losses: [Double]) {
            try EngineTests.train(
                Self.configuration {
                    $0.model.embeddingSharing = sharing
                    $0.optimizer.generator.peakLearningRate = 0
                    $0.optimizer.generatorFirst = inTurns
                    $0.model.dropout = 0.1
                }, threads: 2)
        }
        let (whole, turns) = (try train(inTurns: false), try train(inTurns: true))
        #expect(turns.weights == whole.weights)
        #expect(turns.losses == whole.losses)
    }

    @Test("The discriminator sees what the generator has learned in the same step")
    func seesTheUpdate() throws {
        func train(_ sharing: EmbeddingSharing, inTurns: Bool) throws -> [UInt32] {
            try EngineTests.train(
                Self.configuration {
                    $0.model.embeddingSharing = sharing
                    $0.optimizer.generatorFirst = inTurns
                }, threads: 1, steps: 1
            ).weights
        }
        #expect(try train(.disentangled, inTurns: true) != train(.disentangled, inTurns: false))
        // With nothing in common there is nothing to see.
        #expect(try train(.separate, inTurns: true) == train(.separate, inTurns: false))
    }

    @Test("Any number of threads, short and divided sequences", arguments: [48, 8])
    func threads(chunkTokens: Int) throws {
        let results = try [1, 2, 3].map {
            try EngineTests.train(
                Self.configuration {
                    $0.optimizer.generatorFirst = true
                    $0.training.chunkTokens = chunkTokens
                }, threads: $0)
        }
        #expect(results[1].weights == results[0].weights && results[2].weights == results[0].weights)
        #expect(results[1].losses == results[0].losses && results[2].losses == results[0].losses)
    }

    @Test("A step that is broken off in the discriminator's turn leaves nothing behind", arguments: [1, 3])
    func cancellation(threads: Int) throws {
        let pool = ThreadPool(threadCount: threads)
        defer { pool.shutDown() }
        let configuration = Self.configuration { $0.optimizer.generatorFirst = true }
        let engine = try TrainingEngine(
            configuration.engine, vocabularySize: EngineTests.vocabulary, special: EngineTests.special, pool: pool)
        engine.initialize()
        _ = try engine.train(EngineTests.batch(sequences: 12, seed: 1), step: 1)
        func numbers() -> [[UInt32]] {
            ([engine.state.weights] + engine.state.optimizer.map(\.buffer)).map { $0.elements.map(\.bitPattern) }
        }
        let before = numbers()
        // As soon as the generator has moved.
        let weights = engine.state.weights
        let old = before[0]
        let hasMoved = Mutex(false)
        engine.isCancelled = {
            let moved = zip(weights.elements, old).contains { $0.bitPattern != $1 }
            return hasMoved.withLock {
                $0 = $0 || moved
                return $0
            }
        }
        #expect(throws: CancellationError.self) {
            _ = try engine.train(EngineTests.batch(sequences: 12, seed: 2), step: 2)
        }
        #expect(hasMoved.withLock { $0 })
        #expect(numbers() == before)
        engine.isCancelled = { false }
        for step in 2...4 { _ = try engine.train(EngineTests.batch(sequences: 12, seed: UInt64(step)), step: step) }
        #expect(numbers()[0] == (try EngineTests.train(configuration, threads: 1).weights))
    }
}
