import Foundation
import Testing

@Suite struct SignalTests {
    @Test func signalsWriteACheckpointAndResumingLosesNothing() throws {
        let workspace = try Workspace()
        // An evaluation is due after every second step: the one that a signal puts off must not be missing.
        let settings = ["training.steps=240", "training.checkpoint_every=50", "training.evaluate_every=2"]
        try workspace.run("whole", settings)
        for signal in [SIGTERM, SIGINT, SIGUSR1] {
            let before = workspace.steps("parts").max() ?? 0
            let child = try workspace.start("parts", settings)
            let metrics = "\(workspace.path)/parts/metrics.jsonl"
            func size() -> Int {
                (try? FileManager.default.attributesOfItem(atPath: metrics)[.size] as? Int) ?? 0
            }
            let atStart = size()
            try child.waitUntil { size() > atStart + 3000 }
            child.send(signal)
            let outcome = try child.wait()
            #expect(outcome.status == 75, "\(outcome.errors)")
            #expect(outcome.errors.contains("stopped by SIG"))
            let step = try #require(workspace.steps("parts").max())
            #expect(step > before && step < 240)
            #expect(outcome.errors.contains("at step \(step);"))
        }
        try workspace.run("parts", settings)
        try workspace.record("parts").expectEqual(try workspace.record("whole"))
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGUSR1])
    func aSecondSignalEndsItAtOnce(_ signal: Int32) throws {
        let workspace = try Workspace()
        // One step takes seconds, so the first signal waits.
        let settings = ["training.batch_size=1024", "training.accumulation_steps=64", "training.lanes=2"]
        let child = try Program.start(
            ["run", "tiny.yaml", "--output", "slow"] + settings.flatMap { ["--set", $0] }, in: workspace.path)
        try child.waitUntil { child.errors.contains("from the beginning") }
        child.send(SIGTERM)
        usleep(100_000)
        #expect(child.isRunning)
        let sent = Date()
        child.send(signal)
        let outcome = try child.wait()
        #expect(outcome.status == 128 + signal && !outcome.wasKilled)
        #expect(Date().timeIntervalSince(sent) < 2)
        #expect(workspace.steps("slow").isEmpty)
    }
}
