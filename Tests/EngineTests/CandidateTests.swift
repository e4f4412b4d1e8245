import Engine
import Kernels
import Pretraining
import TestSupport
import Testing

/// What is asked of a model at masked places.
@Suite("Candidates for masks")
struct CandidateTests {
    /// - Parameter chunkTokens: which decides how many places the generator's head takes at a time.
    private func candidates(
        masks: Int, chunkTokens: Int, pool: ThreadPool, _ change: (inout RunConfiguration) -> Void = { _ in }
    ) throws -> [[(token: Int32, probability: Double)]] {
        let configuration = EngineTests.configuration {
            $0.training.chunkTokens = chunkTokens
            change(&$0)
        }
        let special = EngineTests.special
        let engine = try TrainingEngine(
            configuration.engine, vocabularySize: EngineTests.vocabulary, special: special, pool: pool)
        engine.initialize()
        let tokens =
            [special.classification] + [Int32](repeating: special.mask, count: masks) + [special.separator]
        return try engine.candidates(tokens, places: Array(1...masks), count: 3)
    }

    @Test("A text of nothing but masks, of which training never has so many")
    func masksAlone() throws {
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        // A head with room for all of them in one go says what a head says that takes a few at a time.
        let expected = try candidates(masks: 22, chunkTokens: 480, pool: pool)
        let found = try candidates(masks: 22, chunkTokens: 24, pool: pool)
        #expect(found.count == 22 && expected.count == 22)
        for (one, other) in zip(found, expected) {
            #expect(one.map(\.token) == other.map(\.token))
            for (a, b) in zip(one, other) { #expect(abs(a.probability - b.probability) < 1e-6) }
        }
        let ofTheEncoder = try candidates(masks: 22, chunkTokens: 24, pool: pool) {
            $0.objective.name = .maskedLanguageModel
        }
        #expect(ofTheEncoder.count == 22)
    }
}
