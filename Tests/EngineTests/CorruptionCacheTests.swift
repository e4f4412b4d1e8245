import Corpus
import Engine
import Foundation
import Kernels
import Objectives
import Pretraining
import TestModels
import TestSupport
import Testing

/// A checksum tells what was written, not that it can be used.
@Suite("Kept samples of a frozen generator")
struct CorruptionCacheTests {
    private func engine(
        _ pool: ThreadPool, _ change: (inout RunConfiguration) -> Void = { _ in }
    ) throws -> TrainingEngine {
        let configuration = EngineTests.configuration {
            $0.model.positions = .rotary
            change(&$0)
        }
        let engine = try TrainingEngine(
            configuration.engine, vocabularySize: 64, special: EngineTests.special, pool: pool)
        engine.initialize()
        return engine
    }

    @Test("A file of somebody else's is left as it is; one that was hardly begun is begun again")
    func foreign() throws {
        let folder = try TemporaryFolder()
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        let engine = try engine(pool)
        for text in ["notes", "pretrain samples\n", String(repeating: "a thesis, years of work\n", count: 20)] {
            try folder.write(text, to: "mine")
            let path = folder("mine")
            let error = #expect(throws: EngineError.self) { _ = try CorruptionCache(path: path, engine) }
            #expect(error == .foreignCache(path: path))
            #expect(try folder.text("mine") == text)
        }
        do { _ = try CorruptionCache(path: folder("new"), engine) }
        let signature = try folder.data("new")
        for count in 0...signature.count {
            try folder.write(signature.prefix(count), to: "torn")
            try CorruptionCache(path: folder("torn"), engine).keep([5, 6], step: 1, key: 7)
            let again = try CorruptionCache(path: folder("torn"), engine)
            #expect(again.replacements(step: 1, key: 7, count: 2, vocabularySize: 64) == [5, 6], "\(count)")
        }
    }

    @Test("What the samples depend on is in the key, and what they do not is not")
    func keys() throws {
        let folder = try TemporaryFolder()
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        var batch = EngineTests.batch(sequences: 4, seed: 3)
        let masking = Masking(inputs: batch.tokens, positions: [1, 3])
        func key(
            _ batch: TokenBatch, temperature: Double = 1, _ change: (inout RunConfiguration) -> Void = { _ in }
        ) throws -> UInt64 {
            let engine = try engine(pool, change)
            return try CorruptionCache(path: folder("cache"), engine)
                .key(batch, masking, temperature: temperature, engine.configuration)
        }
        let plain = try key(batch)
        #expect(try key(batch) == plain)
        // Other encoders over the same text are what samples are kept for.
        #expect(
            try key(batch) {
                $0.model.detectionHead = .linear
                $0.optimizer.peakLearningRate = 1
                $0.training.steps = 30
            } == plain)
        var keys: Set = [plain, try key(batch, temperature: 2)]
        let changes: [(inout RunConfiguration) -> Void] = [
            { $0.training.seed = 1 }, { $0.training.precision = .bfloat16 }, { $0.training.chunkTokens = 96 },
            { $0.training.lanes = 4 }, { $0.corpus.sequenceLength = 48 }, { $0.model.rotaryBase = 500 },
            { $0.model.normalization.epsilon = 1e-5 }, { $0.model.feedForward = .squaredReLU },
            { $0.parametrization.outputMultiplier = 2 },
            {
                $0.model.attention.pattern = .window
                $0.model.attention.window = 4
            },
        ]
        for change in changes { keys.insert(try key(batch, change)) }
        batch.segmentOffsets = batch.sequenceOffsets
        keys.insert(try key(batch))
        batch.tokenTypes = [Int32](repeating: 1, count: batch.tokenCount)
        keys.insert(try key(batch))
        #expect(keys.count == 4 + changes.count)
    }

    @Test("Other numbers of tokens, and tokens that the vocabulary does not have, are computed again")
    func unusable() throws {
        let folder = try TemporaryFolder()
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        let engine = try engine(pool)
        let cache = try CorruptionCache(path: folder("cache"), engine)
        for (step, tokens) in [[5, 6, 63], [5, 6], [5, 6, 64], [-1, 6, 7], []].enumerated() {
            cache.keep(tokens.map { Int32($0) }, step: step + 1, key: 7)
        }
        let again = try CorruptionCache(path: folder("cache"), engine)
        // One at a time writes: two would write over one another.
        #expect(cache.writes && !again.writes)
        again.keep([1, 2, 3], step: 9, key: 7)
        #expect(again.replacements(step: 9, key: 7, count: 3, vocabularySize: 64) == nil)
        for cache in [cache, again] {
            #expect(cache.replacements(step: 1, key: 7, count: 3, vocabularySize: 64) == [5, 6, 63])
            for step in 2...5 {
                #expect(cache.replacements(step: step, key: 7, count: 3, vocabularySize: 64) == nil, "\(step)")
            }
        }
    }
}
