import Foundation
import Testing

@Suite struct SignalTests {
    @Test func signalsWriteACheckpointAndResumingLosesNothing() throws {
        let workspace = try Workspace()
        // An evaluation is due after every second step: the one that a signal puts off must not be missing.
        let settings = ["training.steps=240", "training.checkpoint_every=50", "training.evaluate_every=2"]
        try workspace.run("whole", settings)
        for signal in [SIGTERM, SIGINT, SIGUSR1, SIGHUP] {
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
            #expect(outcome.errors.contains("after step \(step);"))
        }
        try workspace.run("parts", settings)
        try workspace.record("parts").expectEqual(try workspace.record("whole"))
    }

    /// Steps that take minutes, after three short ones.
    private static let slow = [
        "training.stages=[{steps: 3, batch_size: 4}]", "training.batch_size=1024", "training.accumulation_steps=1",
        "training.steps=10", "training.checkpoint_every=0", "training.evaluate_every=0", "training.lanes=2",
        "training.chunk_tokens=64", "model.layer_count=24", "model.hidden_size=128",
    ]

    @Test func aSignalBreaksOffTheStepUnderWay() throws {
        let workspace = try Workspace()
        let child = try workspace.start("slow", Self.slow)
        try child.waitUntil {
            (try? workspace.folder.text("slow/metrics.jsonl"))?.split(separator: "\n").count ?? 0 >= 3
        }
        usleep(200_000)
        child.send(SIGTERM)
        let outcome = try child.wait()
        #expect(outcome.status == 75, "\(outcome.errors)")
        // The fourth step was thrown away, and what came before it was kept.
        #expect(workspace.steps("slow") == [3])
    }

    @Test func nothingIsSavedBeforeTheFirstStepIsFinished() throws {
        let workspace = try Workspace()
        let settings = Self.slow.map { $0.replacing("[{steps: 3, batch_size: 4}]", with: "[]") }
        let child = try Program.start(
            ["run", "tiny.yaml", "--output", "slow"] + settings.flatMap { ["--set", $0] }, in: workspace.path)
        try child.waitUntil { child.errors.contains("from the beginning") }
        child.send(SIGINT)
        let outcome = try child.wait()
        #expect(outcome.status == 75 && outcome.errors.contains("begins anew"), "\(outcome.errors)")
        #expect(workspace.steps("slow").isEmpty)
    }

    @Test func nohupKeepsItsMeaning() throws {
        let workspace = try Workspace()
        let outcome = try Program.shell(
            "trap '' HUP; \"$PRETRAIN\" run tiny.yaml --output run --set training.steps=60 & sleep 0.5; kill -HUP $!; wait $!",
            in: workspace.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(workspace.steps("run").contains(60))
    }

    @Test(arguments: [SIGINT, SIGUSR1])
    func aSecondSignalEndsItAtOnce(_ signal: Int32) throws {
        let workspace = try Workspace()
        let child = try Program.start(
            ["run", "tiny.yaml", "--output", "slow"] + Self.slow.flatMap { ["--set", $0] }, in: workspace.path)
        try child.waitUntil { child.errors.contains("from the beginning") }
        // Both wait until the process goes on; in which order they arrive is the kernel's choice.
        child.send(SIGSTOP)
        child.send(SIGTERM)
        child.send(signal)
        child.send(SIGCONT)
        let outcome = try child.wait()
        #expect([128 + SIGTERM, 128 + signal].contains(outcome.status) && !outcome.wasKilled, "\(outcome.status)")
        #expect(workspace.steps("slow").isEmpty)
    }

    @Test("A signal that is sent twice, as by timeout or where a terminal is closed, saves what is finished")
    func sentTwice() throws {
        let workspace = try Workspace()
        for (signal, pause) in [(SIGTERM, 0.05), (SIGHUP, 0.05), (SIGHUP, 1.5)] {
            let child = try Program.start(
                ["run", "tiny.yaml", "--output", "twice-\(signal)-\(pause)"] + Self.slow.flatMap { ["--set", $0] },
                in: workspace.path)
            try child.waitUntil { child.errors.contains("from the beginning") }
            child.send(signal)
            Thread.sleep(forTimeInterval: pause)
            child.send(signal)
            let outcome = try child.wait()
            #expect(outcome.status == 75, "\(signal) \(pause): \(outcome.status) \(outcome.errors)")
        }
    }
}
