import Foundation
import HyperparameterTransfer
import Testing

/// What a verification makes of losses at several widths and learning rates.
@Suite("Verification")
struct VerificationTests {
    /// - Parameter losses: of each learning rate, 1e-3, 2e-3, 4e-3 …, of every seed.
    private func sweep(_ width: Int, _ losses: [[Double]]) throws -> Verification.Sweep {
        let results = try losses.enumerated().map { index, seeds in
            let seedLosses = seeds.count > 1 ? ", \"seedLosses\": \(seeds)" : ""
            let json = """
                {"name": "t", "values": \(Self.values(1e-3 * pow(2, Double(index)))), "hiddenSize": \(width), "steps": 1,
                 "totalLoss": \(seeds[0]), "flops": 1, "key": "k"\(seedLosses)}
                """
            return try JSONDecoder().decode(TrialResult.self, from: Data(json.utf8))
        }
        return Verification.Sweep(width: width, isStandard: false, results: results)
    }

    private static func values(_ rate: Double) -> String {
        let encoded = try? JSONEncoder().encode([Hyperparameter.learningRate: rate])
        return String(decoding: encoded ?? Data(), as: UTF8.self)
    }

    @Test("Of Muon's rate, where that is what is swept") func muon() throws {
        let sweeps = try [64, 128].map { width in
            var sweep = try sweep(width, [[3], [2.5], [2.8]])
            sweep.rate = .muonLearningRate
            for index in sweep.results.indices {
                sweep.results[index].values = [.muonLearningRate: 0.01 * pow(2, Double(index)), .learningRate: 1e-3]
            }
            return sweep
        }
        #expect(sweeps.map { $0.best(.total)?.rate } == [0.02, 0.02])
        #expect(Verification.passes(sweeps, .total))
    }

    @Test("One seed: the best rates within a factor of two, and wider never worse")
    func oneSeed() throws {
        let narrow = try sweep(64, [[3], [2.5], [2.8]])
        #expect(Verification.passes([narrow, try sweep(128, [[3], [2.9], [2.4]])], .total))
        #expect(!Verification.passes([narrow, try sweep(128, [[2.9], [2.51], [2.6]])], .total))
        let first = try sweep(64, [[2.5], [2.6], [2.9]])
        #expect(!Verification.passes([first, try sweep(128, [[2.9], [2.5], [2.4]])], .total))
    }

    @Test("Several seeds: what is not told apart does not fail")
    func severalSeeds() throws {
        // 4e-3 looks best at the wider one, but by less than its seeds differ; so does the rise.
        let first = try sweep(64, [[2.5, 2.5], [2.9, 2.9], [3, 3]])
        let near = try sweep(128, [[2.4, 2.7], [2.6, 2.6], [2.3, 2.7]])
        #expect(Verification.passes([first, near], .total))
        let apart = try sweep(128, [[2.49, 2.51], [2.49, 2.51], [2.29, 2.31]])
        #expect(!Verification.passes([first, apart], .total))
        let worse = try sweep(128, [[2.69, 2.71], [2.9, 2.9], [3, 3]])
        #expect(!Verification.passes([first, worse], .total))
    }
}
