import Foundation
import TestSupport
import Testing

@Suite struct InterruptionTests {
    /// What makes a run's state rich, beside epochs (about 40 steps each) and a long warmup.
    enum Scenario: String, CaseIterable {
        case plain, accumulation, mixedSources, bfloat16, muon

        var settings: [String] {
            let common = [
                "training.steps=180", "training.checkpoint_every=7", "training.evaluate_every=25",
                "optimizer.warmup_steps=120",
            ]
            return switch self {
            case .plain: common
            case .muon: common + ["optimizer.kind=muon"]
            case .bfloat16: common + ["training.precision=bfloat16"]
            case .accumulation:
                common + ["training.accumulation_steps=3", "training.batch_size=3", "model.positions=learned"]
            case .mixedSources:
                common + [
                    "corpus.sources=[{path: corpus/*.txt, weight: 3}, {path: corpus/lines.jsonl.gz},"
                        + "{path: more.jsonl.zst, weight: 0.5}]"
                ]
            }
        }
    }

    @Test(arguments: Scenario.allCases)
    func killedRunsEndAsIfNothingHadHappened(_ scenario: Scenario) throws {
        let workspace = try Workspace()
        try workspace.folder.write(Compressed.zstandard(SyntheticText.jsonLines(30, seed: 9)), to: "more.jsonl.zst")
        try workspace.run("whole", scenario.settings)
        let whole = try workspace.record("whole")
        #expect(whole.metrics.contains { $0.contains("\"epoch\":3") })

        var random = SplitMix64(seed: UInt64(scenario.rawValue.utf8.count))
        var kills = 0
        var stages: Set<Int> = []
        for attempt in 0..<7 {
            let before = workspace.steps("parts").max() ?? 0
            let child = try workspace.start("parts", scenario.settings)
            if attempt == 0 {
                // Somewhere in the start: tokenizer, measuring, first steps.
                usleep(UInt32.random(in: 0...300_000, using: &random))
            } else {
                try child.waitUntil { (workspace.steps("parts").max() ?? 0) > before }
                if attempt % 2 == 0 {
                    usleep(UInt32.random(in: 0...40_000, using: &random))
                } else {
                    // In the middle of writing a checkpoint.
                    try child.waitUntil {
                        workspace.folder.names("parts/checkpoints").contains { $0.hasPrefix(".tmp-") }
                    }
                }
            }
            child.send(SIGKILL)
            let outcome = try child.wait()
            guard outcome.status == 128 + SIGKILL else { break }
            kills += 1
            stages.insert(workspace.steps("parts").max() ?? 0)
        }
        #expect(kills >= 4 && stages.count >= 3, "killed \(kills) times at \(stages.sorted())")
        if workspace.steps("parts").max() != 180 { try workspace.run("parts", scenario.settings) }
        try workspace.record("parts").expectEqual(whole)
        #expect(workspace.steps("parts") == workspace.steps("whole"))
        // Resuming sets nothing aside and leaves nothing behind.
        #expect(!workspace.folder.exists("parts/previous-1"))
        #expect(workspace.folder.names("parts/checkpoints").allSatisfy { $0.hasPrefix("step-") })
    }
}
