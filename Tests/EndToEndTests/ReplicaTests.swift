import Foundation
import TestSupport
import Testing

/// Runs whose ranks train replicas of their own and meet every few steps.
@Suite("Replicas under a launcher", .enabled(if: !Launch.all.isEmpty, "no MPI is installed"), .serialized)
struct ReplicaTests {
    private static let settings = [
        "training.synchronisation.every=5", "training.checkpoint_every=5", "training.evaluate_every=0",
        "training.log_every=1", "optimizer.kind=muon",
    ]

    private func run(
        _ launch: Launch, _ workspace: Workspace, _ output: String, ranks: Int = 2, threads: Int = 1,
        _ more: [String] = []
    ) throws -> Program.Outcome {
        try launch.start(
            workspace, ranks: ranks, workspace.arguments(output, Self.settings + more, threads: threads)
        ).wait()
    }

    @Test("The same bits on any number of threads, and after kills", arguments: Launch.all)
    func bits(_ launch: Launch) throws {
        let workspace = try Workspace()
        try launch.prepare(workspace)
        let steps = ["training.steps=83"]
        let whole = try run(launch, workspace, "whole", threads: 2, steps)
        #expect(whole.status == 0, "\(whole.errors)")
        let expected = try workspace.record("whole").weights
        #expect(workspace.steps("whole").max() == 83, "the last steps are a shorter round")
        var random = SplitMix64(seed: 5)
        var kills = 0
        for _ in 0..<4 {
            let before = workspace.steps("parts").max() ?? 0
            let child = try launch.start(
                workspace, ranks: 2, workspace.arguments("parts", Self.settings + steps, threads: 1))
            try child.waitUntil { (workspace.steps("parts").max() ?? 0) > before }
            usleep(UInt32.random(in: 0...20_000, using: &random))
            let ranks = workspace.processes("parts")
            guard let victim = ranks.randomElement(using: &random) else { break }
            kill(victim, SIGKILL)
            if try child.wait().status == 0 { break }
            kills += 1
            let started = Date()
            while !workspace.processes("parts").isEmpty, Date().timeIntervalSince(started) < 30 { usleep(10_000) }
        }
        #expect(kills >= 2)
        let end = try run(launch, workspace, "parts", steps)
        #expect(end.status == 0, "\(end.errors)")
        #expect(try workspace.record("parts").weights == expected)
    }

    @Test("A signal to any rank ends all where they meet next, and nothing is lost", arguments: Launch.all)
    func signals(_ launch: Launch) throws {
        let workspace = try Workspace()
        try launch.prepare(workspace)
        let often = ["training.steps=3000", "training.checkpoint_every=500"]
        for place in 0..<2 {
            let output = "stopped-\(place)"
            let child = try launch.start(
                workspace, ranks: 2, workspace.arguments(output, Self.settings + often, threads: 1))
            try child.waitUntil {
                (try? workspace.folder.text("\(output)/metrics.jsonl"))?.contains("\"step\":7,") ?? false
            }
            let ranks = workspace.processes(output)
            try #require(ranks.count == 2)
            kill(ranks[place], SIGTERM)
            let outcome = try child.wait()
            #expect(outcome.status == 75, "\(outcome.errors)")
            let step = try #require(workspace.steps(output).max())
            #expect(step >= 10 && step % 5 == 0 && step % 500 != 0)
            #expect(outcome.errors.contains("stopped by SIGTERM after step \(step)"), "\(outcome.errors)")
            #expect(try workspace.folder.text("\(output)/metrics.jsonl").contains("\"step\":\(step),"))
            #expect(try !workspace.folder.text("\(output)/metrics.jsonl").contains("\"step\":\(step + 1),"))
        }
    }

    @Test("What does not go together is refused before anything begins")
    func refusals() throws {
        let launch = Launch.all[0]
        let workspace = try Workspace()
        try launch.prepare(workspace)
        let batch = try run(launch, workspace, "out", ranks: 3, ["training.batch_size=8"])
        #expect(batch.status != 0 && batch.errors.contains("8 sequences cannot be divided by 3"), "\(batch.errors)")
        let evaluation = try run(launch, workspace, "out", ["training.evaluate_every=12"])
        #expect(evaluation.status != 0 && evaluation.errors.contains("use 10 or 15"), "\(evaluation.errors)")
        #expect(!FileManager.default.fileExists(atPath: workspace.path + "/out"))

        let begun = try run(launch, workspace, "out", ["training.steps=5"])
        #expect(begun.status == 0, "\(begun.errors)")
        let alone = try workspace.pretrain("run", "--output", "out", "--set", "training.steps=10")
        #expect(alone.status == 1)
        #expect(alone.errors.contains("its training.synchronisation.replicas is 2, one a rank"), "\(alone.errors)")
        let more = try launch.start(
            workspace, ranks: 4, workspace.arguments("out", Self.settings + ["training.steps=10"], threads: 1)
        ).wait()
        #expect(more.status != 0)
        #expect(more.errors.contains("training.synchronisation.replicas: 2 in the checkpoint, 4 now"), "\(more.errors)")
    }
}
