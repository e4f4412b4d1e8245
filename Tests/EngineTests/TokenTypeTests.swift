import Corpus
import Engine
import Kernels
import Pretraining
import TestSupport
import Testing

/// Pairs in whole steps: token types reach the networks however a batch is divided.
@Suite("Token types")
struct TokenTypeTests {
    /// Long sequences whose segments have a second half of type 1, every third segment excepted.
    private static func batch(seed: UInt64, hasPairs: Bool) -> TokenBatch {
        var batch = RecipeTests.longBatch(seed: seed)
        guard hasPairs else { return batch }
        batch.tokenTypes = [Int32](repeating: 0, count: batch.tokenCount)
        for (index, (start, end)) in zip(batch.segmentOffsets, batch.segmentOffsets.dropFirst()).enumerated()
        where index % 3 != 2 {
            for token in (start + end) / 2..<end { batch.tokenTypes[token] = 1 }
        }
        return batch
    }

    private func train(
        threads: Int, chunkTokens: Int, hasPairs: Bool = true
    ) throws -> (weights: [UInt32], losses: [Double], types: [Float]) {
        let configuration = EngineTests.configuration {
            $0.corpus.sequenceLength = 200
            $0.training.lanes = 3
            $0.training.chunkTokens = chunkTokens
            $0.optimizer.warmupSteps = 1
        }
        let pool = ThreadPool(threadCount: threads)
        defer { pool.shutDown() }
        let engine = try TrainingEngine(
            configuration.engine, vocabularySize: EngineTests.vocabulary, special: EngineTests.special, pool: pool)
        engine.initialize()
        let place = try #require(engine.state.layout.embedding("token_type", of: .discriminator))
        func types() -> [Float] { (0..<32).map { engine.state.weights.base[place.offset + $0] } }
        let before = types()
        let losses = try (1...2).map {
            try engine.train(Self.batch(seed: UInt64($0), hasPairs: hasPairs), step: $0).loss
        }
        let moved = zip(types(), before).map { $0 - $1 }
        return (engine.state.weights.elements.map(\.bitPattern), losses, moved)
    }

    @Test("The same bits on any number of threads, and the loss of undivided sequences")
    func divided() throws {
        let expected = try train(threads: 1, chunkTokens: 64)
        for threads in [2, 5] {
            let actual = try train(threads: threads, chunkTokens: 64)
            #expect(actual.weights == expected.weights && actual.losses == expected.losses)
        }
        let whole = try train(threads: 2, chunkTokens: 600)
        for (a, b) in zip(whole.losses, expected.losses) { #expect(abs(a - b) < 1e-4 * abs(b)) }
        let without = try train(threads: 2, chunkTokens: 600, hasPairs: false)
        #expect(without.losses != whole.losses)
    }

    @Test("Both types learn with pairs; type 1 only decays without")
    func learning() throws {
        let rate = 5e-4
        let pairs = try train(threads: 2, chunkTokens: 600).types
        let single = try train(threads: 2, chunkTokens: 600, hasPairs: false).types
        for moved in [pairs[..<16], pairs[16...], single[..<16]] {
            #expect(moved.contains { Double(abs($0)) > 0.3 * rate })
        }
        #expect(single[16...].allSatisfy { Double(abs($0)) < 0.01 * rate })
    }
}
