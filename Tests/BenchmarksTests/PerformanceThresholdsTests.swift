import Benchmarks
import Foundation
import Testing

struct PerformanceThresholdsTests {
    private func read(_ json: String) throws -> PerformanceThresholds {
        let path = "\(NSTemporaryDirectory())/thresholds-\(UUID().uuidString).json"
        try Data(json.utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try PerformanceThresholds(contentsOf: path)
    }

    private let aroundSteps = """
        "checkpoints": [{"preset": "demo", "batch": 1, "sequence": 64, "steps": 1, "minimum_saving_speed": 0.2,
        "minimum_loading_speed": 0.3, "maximum_stored_share": 0.85}],
        "loaders": [{"preset": "no such", "batch": 1, "sequence": 64, "threads": 1, "minimum_encoding_speed": 0.1,
        "maximum_share_of_step": 0.01}]
        """

    @Test func isReadAndChecked() throws {
        let thresholds = try read(#"{"steps": [], "scaling": [], "kernels": [], \#(aroundSteps)}"#)
        #expect(thresholds.checkpoints[0].maximumStoredShare == 0.85)
        #expect(thresholds.loaders[0].maximumShareOfStep == 0.01)
        #expect(try thresholds.check([.steps, .scaling, .kernels]).isEmpty)
        // Before anything is measured.
        #expect(throws: PerformanceThresholds.ReadError.self) { try thresholds.check() }
        #expect(throws: PerformanceThresholds.ReadError.self) { try read(#"{"steps": [], "scaling": []}"#) }
    }

    @Test func stepsNameTheirPrecision() throws {
        func thresholds(_ precision: String) throws -> PerformanceThresholds {
            let step =
                #"{"preset": "demo", "batch": 1, "sequence": 64, "threads": 1, \#(precision)"minimum_utilisation": 0.5}"#
            return try read(#"{"steps": [\#(step)], "scaling": [], "kernels": [], \#(aroundSteps)}"#)
        }
        #expect(try thresholds("").steps[0].precision == nil)
        #expect(try thresholds(#""precision": "bfloat16", "#).steps[0].precision?.rawValue == "bfloat16")
        #expect(throws: PerformanceThresholds.ReadError.self) { try thresholds(#""precision": "half", "#) }
    }

    @Test func boundsHoldFromTheirSide() {
        typealias Outcome = PerformanceThresholds.Outcome
        #expect(Outcome("speed", 2, .atLeast, 2).passed && !Outcome("speed", 1.9, .atLeast, 2).passed)
        #expect(Outcome("size", 2, .atMost, 2).passed && !Outcome("size", 2.1, .atMost, 2).passed)
        #expect(Outcome("speed", 1, .atLeast, 2).better(Outcome("speed", 3, .atLeast, 2)).measured == 3)
        #expect(Outcome("size", 1, .atMost, 2).better(Outcome("size", 3, .atMost, 2)).measured == 1)
    }

    @Test func madeUpTextIsLikeText() throws {
        let bytes = MadeUpText.bytes(count: 200_000, seed: 3)
        #expect(bytes == MadeUpText.bytes(count: 200_000, seed: 3))
        #expect(bytes != MadeUpText.bytes(count: 200_000, seed: 4))
        #expect((200_000..<220_000).contains(bytes.count))
        let text = try #require(String(bytes: bytes, encoding: .ascii))
        #expect(text.hasSuffix(".\n\n") && text.contains(".\n\n"))
        // The most frequent word is every tenth or twentieth, half of the others occur once.
        var counts: [Substring: Int] = [:]
        for word in text.split(whereSeparator: { !$0.isLetter }) { counts[word, default: 0] += 1 }
        let words = counts.values.reduce(0, +)
        let most = try #require(counts.values.max())
        #expect((words / 40...words / 5).contains(most))
        #expect(counts.values.filter { $0 == 1 }.count > counts.count / 4)
    }
}
