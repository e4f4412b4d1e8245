import Encoder
import Engine
import Foundation
import Kernels
import Objectives
import Pretraining
import TestModels
import TestSupport
import Testing

@Suite("Minimal pairs")
struct MinimalPairsTests {
    private static func engine(
        _ pool: ThreadPool, _ change: (inout RunConfiguration) -> Void = { _ in }
    ) throws -> TrainingEngine {
        let engine = try TrainingEngine(
            SmallModel.configuration(change).engine, vocabularySize: SmallModel.vocabulary, special: SmallModel.special,
            pool: pool)
        engine.initialize()
        // Far from uniform, so that sentences differ.
        for index in 0..<engine.state.weights.count { engine.state.weights.base[index] *= 8 }
        engine.weightsChanged()
        return engine
    }

    private static let sentences: [TrainingEngine.Sentence] = {
        var random = SplitMix64(seed: 5)
        return (0..<30).map { index in
            let count = 1 + index % 17
            let tokens = (0..<count).map { _ in Int32.random(in: 5..<61, using: &random) }
            return .init(
                tokens: [2] + tokens + [3],
                beginsWord: [true] + tokens.indices.map { $0 == 0 || Bool.random(using: &random) } + [true])
        }
    }()

    @Test(
        "Log-likelihoods as one by one, on any number of threads",
        arguments: [ObjectiveName.electra, .maskedLanguageModel])
    func likelihoods(_ objective: ObjectiveName) throws {
        var results: [[Double]] = []
        for threads in [1, 3] {
            let pool = ThreadPool(threadCount: threads)
            defer { pool.shutDown() }
            let engine = try Self.engine(pool) { $0.objective.name = objective }
            let sums = try engine.pseudoLogLikelihoods(Self.sentences)
            results.append(sums)
            for (sentence, sum) in zip(Self.sentences, sums) {
                var expected = 0.0
                for place in 1..<sentence.tokens.count - 1 {
                    // What follows in the same word is hidden too.
                    var end = place + 1
                    while end < sentence.tokens.count - 1, !sentence.beginsWord[end] { end += 1 }
                    var masked = sentence
                    for hidden in place..<end { masked.tokens[hidden] = 4 }
                    // A sentence by itself whose only word is asked for: all that is left to sum is this token.
                    let alone = try engine.logProbability(of: sentence.tokens[place], at: place, in: masked.tokens)
                    expected += alone
                }
                #expect(abs(sum - expected) < 1e-4 * abs(expected), "\(sentence.tokens)")
            }
            guard objective == .electra else { continue }
            let detection = try engine.detectionLogLikelihoods(Self.sentences)
            results[results.count - 1] += detection
            for (sentence, sum) in zip(Self.sentences, detection) {
                let logits = try engine.detectionLogits([sentence.tokens])[0]
                let expected = (1..<sentence.tokens.count - 1).reduce(0.0) {
                    $0 - log1p(exp(Double(logits[$1])))
                }
                #expect(abs(sum - expected) < 1e-4 * abs(expected))
            }
        }
        #expect(results[0] == results[1])
    }

    @Test(
        "A main encoder that corrects finds tokens as likely as in a sentence by itself, on any number of threads",
        arguments: [ObjectiveName.metro, .cocoLM, .replaceMLM])
    func corrections(_ objective: ObjectiveName) throws {
        var results: [[Double]] = []
        for threads in [1, 3] {
            let pool = ThreadPool(threadCount: threads)
            defer { pool.shutDown() }
            let engine = try Self.engine(pool) {
                $0.objective.name = objective
                $0.model.embeddingSize = $0.model.hiddenSize
            }
            #expect(engine.objective.correctsTokens)
            results.append(try engine.correctionLogLikelihoods(Self.sentences))
            for (sentence, sum) in zip(Self.sentences, results[results.count - 1]) {
                let alone = try engine.correctionLogLikelihoods([sentence])[0]
                #expect(sum < 0 && abs(sum - alone) < 1e-4 * abs(alone))
            }
        }
        #expect(results[0] == results[1])
        // What decides is the sentence: with another token its value is another one.
        #expect(Set(results[0]).count == results[0].count)
    }

    @Test("Ties count half")
    func share() {
        #expect(MinimalPairs.share([1, 0, 0, 1, 2, 2, -3, -4]) == 2.5 / 4)
    }

    @Test("Files that are no pairs are refused by line")
    func files() throws {
        let folder = try TemporaryFolder()
        #expect(throws: MinimalPairs.Failure.none(path: folder.path)) { _ = try MinimalPairs(path: folder.path) }
        let path = try folder.write(
            "{\"sentence_good\": \"a\", \"sentence_bad\": \"b\"}\n{\"good\": \"a\"}\n", to: "a.jsonl")
        let error = #expect(throws: MinimalPairs.Failure.self) { _ = try MinimalPairs(path: path) }
        #expect("\(try #require(error))".hasPrefix("\(path):2: is no object"))
        let empty = try folder.write("{\"sentence_good\": \" \", \"sentence_bad\": \"b\"}\n", to: "b.jsonl")
        let other = #expect(throws: MinimalPairs.Failure.self) { _ = try MinimalPairs(path: empty) }
        #expect("\(try #require(other))".hasPrefix("\(empty):1: has an empty sentence"))
    }
}

extension TrainingEngine {
    /// Of one token in one masked sentence, from the logits of a forward pass.
    fileprivate func logProbability(of token: Int32, at place: Int, in tokens: [Int32]) throws -> Double {
        let arena = FloatBuffer(count: objective.model.activationCount)
        let pass = LanePass(
            weights: state.weights.base, gradients: nil, arena: arena.base, dropout: nil,
            chunk: ChunkGeometry(firstRow: 0, tokenCount: tokens.count, segmentOffsets: [0, tokens.count]))
        return withExtendedLifetime(arena) {
            objective.maskedLogProbabilities(tokens, rows: [Int32(place)], targets: [token], pass)[0]
        }
    }
}
