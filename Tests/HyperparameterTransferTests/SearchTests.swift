import HyperparameterTransfer
import Pretraining
import Testing

@Suite("Search spaces and rungs")
struct SearchTests {
    @Test("A grid of a range has a point for every factor of two, both ends included")
    func grid() throws {
        let space = try SearchSpace(parsing: ["learning_rate=1e-3..1.6e-2"], for: RunConfiguration())
        let points = try space.points(method: .grid, trials: nil, seed: 0)
        #expect(points.map { $0[.learningRate] } == [0.001, 0.002, 0.004, 0.008, 0.016])
        let product = try SearchSpace(
            parsing: ["lr=1e-3..1e-1:3", "output_multiplier=0.5,2"], for: RunConfiguration())
        let pairs = try product.points(method: .grid, trials: nil, seed: 0)
        #expect(pairs.count == 6)
        #expect(pairs[3] == [.learningRate: 0.01, .outputMultiplier: 2])
    }

    @Test("Random points lie in their ranges, are spread evenly on a logarithmic scale, and repeat themselves")
    func random() throws {
        let texts = ["learning_rate=1e-4..1e-2", "attention_multiplier=0.5..8", "output_multiplier=1,2,4"]
        let space = try SearchSpace(parsing: texts, for: RunConfiguration())
        let points = try space.points(method: .random, trials: 400, seed: 3)
        #expect(points.count == 400)
        #expect(points == (try space.points(method: .random, trials: 400, seed: 3)))
        #expect(points != (try space.points(method: .random, trials: 400, seed: 4)))
        for point in points {
            #expect((1e-4...1e-2).contains(try #require(point[.learningRate])))
            #expect((0.5...8).contains(try #require(point[.attentionMultiplier])))
        }
        // A quarter of the decades holds a quarter of the points, within three standard deviations.
        let low = points.count { $0[.learningRate]! < 1e-3 / 10.0.squareRoot() }
        #expect(abs(low - 100) < 26)
        for value in [1.0, 2, 4] { #expect(abs(points.count { $0[.outputMultiplier] == value } - 133) < 30) }
        // More trials do not change the first.
        #expect(Array(points[..<10]) == (try space.points(method: .random, trials: 10, seed: 3)))
    }

    @Test("Rates at the ends of what numbers can be are searched or refused")
    func extremes() throws {
        let space = try SearchSpace(parsing: ["learning_rate=1e-320..1"], for: RunConfiguration())
        #expect(try space.points(method: .grid, trials: nil, seed: 0).count > 1000)
        var configuration = RunConfiguration()
        configuration.optimizer.peakLearningRate = .leastNonzeroMagnitude
        #expect(throws: TransferError.self) { _ = try SearchSpace(parsing: [], for: configuration) }
        configuration.training.seed = .max
        configuration.training.addToSeed(2)
        #expect(configuration.training.seed == 1)
    }

    @Test(
        "What makes no sense is refused by name",
        arguments: [
            "dropout=0.1..0.5", "learning_rate", "learning_rate=", "learning_rate=1e-2..1e-3", "learning_rate=0..1",
            "learning_rate=-1..1", "learning_rate=x..1", "learning_rate=1e-3..1e-2:1", "learning_rate=1e-3,1e-3",
            "learning_rate=1e-3..200", "learning_rate=nan..1", "learning_rate=1e-3..inf", "learning_rate=1,,2",
            "=1..2",
        ])
    func complaints(text: String) {
        let error = #expect(throws: TransferError.self) {
            _ = try SearchSpace(parsing: [text], for: RunConfiguration())
        }
        #expect(error?.description.contains("--search") == true)
    }

    @Test("A hyperparameter is searched once, and a grid stays within reason")
    func limits() throws {
        #expect(throws: TransferError.self) {
            _ = try SearchSpace(parsing: ["learning_rate=1..2", "lr=1..2"], for: RunConfiguration())
        }
        let space = try SearchSpace(
            parsing: ["learning_rate=1..2:200", "output_multiplier=1..2:200"], for: RunConfiguration())
        #expect(throws: TransferError.self) { _ = try space.points(method: .grid, trials: nil, seed: 0) }
    }

    @Test("Rungs get shorter lists of longer runs; the last has the full length")
    func halving() {
        let three = SuccessiveHalving(trials: 27, steps: 900, rungs: 3, factor: 3)
        #expect(three.rungs.map(\.trials) == [27, 9, 3])
        #expect(three.rungs.map(\.steps) == [100, 300, 900])
        #expect(SuccessiveHalving(trials: 5, steps: 900, rungs: 1, factor: 3).rungs.map(\.trials) == [5])
        // Rungs too short to say anything are left out, and the first that is left takes all trials.
        let short = SuccessiveHalving(trials: 9, steps: 100, rungs: 3, factor: 3)
        #expect(short.rungs.map(\.steps) == [100])
        #expect(short.rungs.map(\.trials) == [9])
        let one = SuccessiveHalving(trials: 1, steps: 900, rungs: 3, factor: 3)
        #expect(one.rungs.map(\.steps) == [900])
        for trials in 1...40 {
            for rungs in 1...4 {
                let halving = SuccessiveHalving(trials: trials, steps: 5000, rungs: rungs, factor: 2.5).rungs
                #expect(halving.first?.trials == trials && halving.last?.steps == 5000)
                for (a, b) in zip(halving, halving.dropFirst()) { #expect(a.trials >= b.trials && a.steps < b.steps) }
            }
        }
    }
}
