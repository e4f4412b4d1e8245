import FineTuning
import Foundation
import Runs
import TestSupport
import Testing

/// What must hold for every kind of task: the same bits on any number of threads, and after a kill.
@Suite("Fine-tuning: the same bits for every kind")
struct SameBitsTests {
    let texts: WeatherTexts

    init() throws { texts = try WeatherTexts() }

    private var folder: TemporaryFolder { texts.folder }

    private func run(_ kind: TaskKind, _ output: String, threads: Int) throws -> FineTuningRun.Result {
        var configuration = try texts.configuration(of: kind)
        configuration.training.epochs = 2
        let run = FineTuningRun(
            configuration, pretrained: texts.pretrained, isFromScratch: false, output: folder(output), threads: threads,
            progress: ProgressLine(quiet: true), report: { _ in })
        return try #require(try run.start().result)
    }

    /// Checksums of weights and moments after the last step. What the best epoch was stands elsewhere.
    private func sums(_ output: String) throws -> String {
        let last = try #require(folder.names("\(output)/checkpoints").filter { $0.hasPrefix("step") }.last)
        return try folder.text("\(output)/checkpoints/\(last)/SHA256SUMS").split(separator: "\n")
            .filter { $0.contains("weights") || $0.contains("moments") }
            .joined(separator: "\n")
    }

    @Test(arguments: TaskKind.allCases)
    func threadsAndInterruption(kind: TaskKind) throws {
        let result = try run(kind, "one", threads: 1)
        let sums = try sums("one")
        #expect(sums.split(separator: "\n").count == 3)
        #expect(try run(kind, "two", threads: 2) == result && self.sums("two") == sums)
        // As a kill within the second epoch leaves it.
        let checkpoints = folder.names("one/checkpoints").filter { $0.hasPrefix("step") }
        #expect(checkpoints.count == 2)
        try folder.remove("one/checkpoints/\(checkpoints[1])")
        #expect(try run(kind, "one", threads: 2) == result && self.sums("one") == sums)
    }
}
