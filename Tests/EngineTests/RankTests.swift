import Communication
import Encoder
import Engine
import Foundation
import Kernels
import Objectives
import Optimization
import Pretraining
import Synchronization
import TestModels
import Testing

/// Steps that several ranks take together, as threads of this process.
@Suite("Ranks", .serialized)
struct RankTests {
    struct Result: Sendable, Equatable {
        var weights: [UInt32]
        /// Of the first rank, after it has gathered the others'.
        var moments: [[UInt32]] = []
        var losses: [Double] = []
        var norms: [Double] = []
    }

    /// Trains on every rank.
    static func train(
        _ configuration: RunConfiguration, ranks: Int, threads: Int, steps: Int = 3,
        seen: (@Sendable (Int, UnsafePointer<Float>, Range<Int>) -> Void)? = nil
    ) throws -> [Result] {
        try ThreadRanks.run(ranks, threads: threads) { group, pool in
            let engine = try TrainingEngine(
                configuration.engine, vocabularySize: EngineTests.vocabulary, special: EngineTests.special,
                pool: pool, ranks: ranks == 1 ? nil : group)
            engine.initialize()
            if let seen { engine.seesGradients = { seen(group.rank, $0, $1) } }
            var result = Result(weights: [])
            for step in 1...steps {
                let batch = EngineTests.batch(sequences: 12, seed: UInt64(step))
                let outcome = try engine.train(batch, step: step)
                result.losses.append(outcome.loss)
                result.norms.append(outcome.gradientNorm)
                #expect(engine.timings.count == (ranks == 1 ? 0 : ranks))
            }
            try engine.gatherState()
            result.weights = engine.state.weights.elements.map(\.bitPattern)
            if group.leads {
                result.moments = engine.state.optimizer.map { $0.buffer.elements.map(\.bitPattern) }
            }
            return result
        }
    }

    static let cases =
        RecipeTests.cases + [
            RecipeTests.Case(name: "electra") { $0.model.dropout = 0.1 },
            RecipeTests.Case(name: "electra, two optimizers") { $0.optimizer.separate = true },
            RecipeTests.Case(name: "the generator first") {
                $0.model.embeddingSharing = .disentangled
                $0.optimizer.separate = true
                $0.optimizer.generatorFirst = true
            },
            RecipeTests.Case(name: "muon, in bfloat16") {
                $0.optimizer.kind = .muon
                $0.training.precision = .bfloat16
            },
            RecipeTests.Case(name: "coupled tables, muon, the generator first") {
                $0.optimizer.kind = .muon
                $0.optimizer.coupledTables = true
                $0.optimizer.separate = true
                $0.optimizer.generatorFirst = true
            },
            RecipeTests.Case(name: "rounded communication") { $0.training.communication = .bfloat16 },
            RecipeTests.Case(name: "rounded communication, disentangled, the generator first") {
                $0.training.communication = .bfloat16
                $0.model.embeddingSharing = .disentangled
                $0.optimizer.separate = true
                $0.optimizer.generatorFirst = true
            },
            RecipeTests.Case(name: "muon, two optimizers, metro") {
                $0.optimizer.kind = .muon
                $0.optimizer.separate = true
                $0.objective.name = .metro
                $0.model.embeddingSharing = .tokenOnly
            },
        ]

    @Test("The bits of one machine on 2, 3, 4 and 5", arguments: cases)
    func bits(_ recipe: RecipeTests.Case) throws {
        let configuration = recipe.configuration()
        let expected = try Self.train(configuration, ranks: 1, threads: 2)[0]
        for (ranks, threads) in [(2, 1), (2, 2), (3, 1), (4, 2), (5, 1)] {
            let actual = try Self.train(configuration, ranks: ranks, threads: threads)
            for (rank, result) in actual.enumerated() {
                #expect(result.weights == expected.weights, "rank \(rank) of \(ranks)")
                #expect(result.losses == expected.losses)
                #expect(result.norms == expected.norms)
            }
            #expect(actual[0].moments == expected.moments)
        }
    }

    @Test("Rounded communication is another run, and hardly another result")
    func rounded() throws {
        func train(_ communication: CommunicationPrecision) throws -> Result {
            try Self.train(
                EngineTests.configuration { $0.training.communication = communication }, ranks: 1, threads: 1, steps: 6)[
                    0]
        }
        let (exact, rounded) = (try train(.float32), try train(.bfloat16))
        #expect(rounded.weights != exact.weights)
        for (a, b) in zip(rounded.losses, exact.losses) { #expect(abs(a - b) < 2e-3 * abs(b)) }
        // Weights move by numbers of eight significant bits.
        #expect(rounded.losses.last! < rounded.losses[0])
    }

    @Test(
        "Wherever a connection breaks in a step, weights are those of a whole step, or said to be none",
        arguments: [false, true])
    func brokenConnection(inTurns: Bool) throws {
        let configuration = EngineTests.configuration {
            $0.model.embeddingSharing = .disentangled
            $0.optimizer.separate = true
            $0.optimizer.generatorFirst = inTurns
        }
        /// - Parameter count: messages of the second step that still go out of rank 1.
        /// - Returns: of each rank, whether it has failed, has weights of no step, and has those of the first step to the bit.
        func step(breakingAfter count: Int) throws -> [(failed: Bool, isTorn: Bool, isUnchanged: Bool)] {
            try ThreadRanks.run(2, threads: 1, mayBreak: true) { group, pool in
                let engine = try TrainingEngine(
                    configuration.engine, vocabularySize: EngineTests.vocabulary, special: EngineTests.special,
                    pool: pool, ranks: group)
                engine.initialize()
                _ = try engine.train(EngineTests.batch(sequences: 12, seed: 1), step: 1)
                let before = engine.state.weights.elements.map(\.bitPattern)
                group.patience = .init(limit: 0.5, firstRankLimit: 0.5, limitAfterLoss: 0.1)
                if group.rank == 1, let transport = group.transport as? FailingTransport {
                    transport.breaks(after: count)
                }
                var failed = false
                do { _ = try engine.train(EngineTests.batch(sequences: 12, seed: 2), step: 2) } catch { failed = true }
                return (failed, engine.isTorn, engine.state.weights.elements.map(\.bitPattern) == before)
            }
        }
        var (count, torn) = (0, 0)
        while count < 1000 {
            let outcomes = try step(breakingAfter: count)
            for outcome in outcomes {
                // Who came to the end has moved; who did not has not, or knows that it has half.
                #expect(outcome.isTorn || outcome.isUnchanged == outcome.failed, "\(count): \(outcomes)")
                torn += outcome.isTorn ? 1 : 0
            }
            if outcomes.allSatisfy({ !$0.failed }) { break }
            count += 1
        }
        #expect(count > 3 && count < 1000 && torn > 0, "\(count) \(torn)")
    }

    @Test("Whoever looks at gradients sees those of all ranks, and changes nothing")
    func seen() throws {
        let configuration = EngineTests.configuration { $0.optimizer.separate = true }
        let sums = Mutex<[Int: [Double]]>([:])
        func look(_ ranks: Int) throws -> (Result, [Double]) {
            sums.withLock { $0 = [:] }
            let result = try Self.train(configuration, ranks: ranks, threads: 1) { rank, gradients, range in
                let sum = range.reduce(0.0) { $0 + Double(gradients[$1]) * Double($1 % 101) }
                sums.withLock { $0[rank, default: []].append(sum) }
            }
            return (result[0], sums.withLock { $0[0]! })
        }
        let (alone, expected) = try look(1)
        let (together, actual) = try look(3)
        #expect(expected.count == 3 && actual == expected)
        #expect(together == alone)
        #expect(try Self.train(configuration, ranks: 3, threads: 1)[0] == alone)
    }

    @Test("A gradient that is not finite is found and named by all ranks alike")
    func nonFinite() throws {
        let configuration = EngineTests.configuration {
            $0.training.steps = 20
            $0.optimizer.clipNorm = 0
        }
        for ranks in [1, 3] {
            let found = try ThreadRanks.run(ranks, threads: 1) { group, pool -> NonFiniteError? in
                let engine = try TrainingEngine(
                    configuration.engine, vocabularySize: EngineTests.vocabulary, special: EngineTests.special,
                    pool: pool, ranks: ranks == 1 ? nil : group)
                engine.initialize()
                // Beyond what a layer's norm can square.
                engine.state.weights.base[engine.state.layout.specs[0].offset + 16 * 7] = .infinity
                engine.weightsChanged()
                do {
                    _ = try engine.train(EngineTests.batch(sequences: 12, seed: 1), step: 1)
                    return nil
                } catch let error as NonFiniteError {
                    return error
                }
            }
            let told = found.compactMap { $0 }
            #expect(told.count == ranks)
            #expect(Set(told.map { "\($0)" }).count == 1)
        }
    }

    @Test("The engine of a second stage reports what it has sent itself")
    func laterEngines() throws {
        let sent = try ThreadRanks.run(2, threads: 1) { group, pool in
            try (0..<2).map { _ in
                let engine = try TrainingEngine(
                    EngineTests.configuration { $0.training.lanes = 2 }.engine, vocabularySize: EngineTests.vocabulary,
                    special: EngineTests.special, pool: pool, ranks: group)
                engine.initialize()
                _ = try engine.train(EngineTests.batch(sequences: 12, seed: 1), step: 1)
                return engine.timings.reduce(0) { $0 + $1.sent }
            }
        }
        // Times in the reports are not always of as many digits.
        for rank in sent { #expect(rank[0] > 0 && Double(rank[1]) < 1.1 * Double(rank[0])) }
    }

    @Test("Ranks send every gradient and every weight once, rounded in half the bytes", arguments: [2, 4])
    func traffic(ranks: Int) throws {
        struct Sent: Sendable {
            var gradients = 0
            var weights = 0
            /// What metrics tell of all ranks.
            var told = 0
            var parameters: ClosedRange<Int>
        }
        func sent(_ communication: CommunicationPrecision) throws -> Sent {
            let configuration = EngineTests.configuration {
                // Every rank sums all of its own.
                $0.training.lanes = 4
                $0.training.communication = communication
            }
            let all = try ThreadRanks.run(ranks, threads: 1) { group, pool -> Sent in
                let engine = try TrainingEngine(
                    configuration.engine, vocabularySize: EngineTests.vocabulary, special: EngineTests.special,
                    pool: pool, ranks: group)
                engine.initialize()
                let layout = engine.state.layout
                // Small tensors stand apart so that each begins at a multiple of 16.
                var sent = Sent(parameters: layout.parameterCount...layout.bufferCount)
                for step in 1...3 {
                    let before = (group.sentBytes(of: .gradients), group.sentBytes(of: .weights))
                    _ = try engine.train(EngineTests.batch(sequences: 12, seed: UInt64(step)), step: step)
                    sent.gradients = group.sentBytes(of: .gradients) - before.0
                    sent.weights = group.sentBytes(of: .weights) - before.1
                    sent.told = engine.timings.reduce(0) { $0 + $1.sent }
                }
                return sent
            }
            var sum = all[0]
            for other in all.dropFirst() {
                #expect(other.told == sum.told)
                sum.gradients += other.gradients
                sum.weights += other.weights
            }
            return sum
        }
        let exact = try sent(.float32)
        let rounded = try sent(.bfloat16)
        // Of all ranks together: 8 · P · (R − 1) bytes, half of them gradients.
        for bytes in [exact.gradients, exact.weights] {
            #expect(bytes >= 4 * exact.parameters.lowerBound * (ranks - 1))
            #expect(bytes <= 4 * exact.parameters.upperBound * (ranks - 1))
        }
        #expect(2 * rounded.gradients == exact.gradients)
        #expect(2 * rounded.weights == exact.weights)
        // Losses and norms are the rest.
        let total = exact.gradients + exact.weights
        #expect(exact.told >= total && Double(exact.told) < 1.5 * Double(total))
        #expect(rounded.told >= total / 2 && rounded.told < exact.told)
    }
}
