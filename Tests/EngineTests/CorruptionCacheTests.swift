import Engine
import Foundation
import Kernels
import Pretraining
import TestModels
import TestSupport
import Testing

/// A checksum tells what was written, not that it can be used.
@Suite("Kept samples of a frozen generator")
struct CorruptionCacheTests {
    @Test("Other numbers of tokens, and tokens that the vocabulary does not have, are computed again")
    func unusable() throws {
        let folder = try TemporaryFolder()
        let engine = try TrainingEngine(
            EngineTests.configuration().engine, vocabularySize: 64, special: EngineTests.special,
            pool: ThreadPool(threadCount: 1))
        engine.initialize()
        let cache = try CorruptionCache(path: folder("cache"), engine)
        for (step, tokens) in [[5, 6, 63], [5, 6], [5, 6, 64], [-1, 6, 7], []].enumerated() {
            cache.keep(tokens.map { Int32($0) }, step: step + 1, key: 7)
        }
        let again = try CorruptionCache(path: folder("cache"), engine)
        for cache in [cache, again] {
            #expect(cache.replacements(step: 1, key: 7, count: 3, vocabularySize: 64) == [5, 6, 63])
            for step in 2...5 {
                #expect(cache.replacements(step: step, key: 7, count: 3, vocabularySize: 64) == nil, "\(step)")
            }
        }
    }
}
