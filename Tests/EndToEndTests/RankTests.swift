import Foundation
import TestSupport
import Testing

/// Runs that several processes carry together, under the launchers that are installed.
@Suite("Ranks under a launcher", .enabled(if: !Launch.all.isEmpty, "no MPI is installed"), .serialized)
struct RankTests {
    private static let settings = ["training.lanes=4", "training.chunk_tokens=64"]

    @Test("The same bits for any number of ranks and threads", arguments: Launch.all)
    func bits(_ launch: Launch) throws {
        let workspace = try Workspace()
        try launch.prepare(workspace)
        let settings =
            Self.settings + ["optimizer.kind=muon", "training.precision=bfloat16", "optimizer.separate=true"]
        try workspace.run("alone", settings, threads: 2)
        let alone = try workspace.record("alone")
        for (ranks, threads) in [(2, 1), (3, 1), (4, 2)] {
            let output = "ranks-\(ranks)"
            let outcome = try launch.start(
                workspace, ranks: ranks, workspace.arguments(output, settings, threads: threads)
            ).wait()
            #expect(outcome.status == 0, "\(outcome.errors)")
            var record = try workspace.record(output)
            #expect(record.metrics.contains { $0.contains("\"ranks\":[{\"computing\"") })
            record.metrics = try record.metrics.map(Self.withoutRanks)
            record.expectEqual(alone)
        }
    }

    private static func withoutRanks(_ line: String) throws -> String {
        var object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        object["ranks"] = nil
        return String(decoding: try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), as: UTF8.self)
    }

    @Test("Killed ranks end all; other numbers of ranks go on, and end the same", arguments: Launch.all)
    func kills(_ launch: Launch) throws {
        let workspace = try Workspace()
        try launch.prepare(workspace)
        let settings = Self.settings + ["training.steps=120", "training.checkpoint_every=3"]
        try workspace.run("whole", settings)
        let whole = try workspace.record("whole")
        var random = SplitMix64(seed: 11)
        var kills = 0
        for ranks in [4, 1, 3, 2, 4, 2] {
            let before = workspace.steps("parts").max() ?? 0
            let child = try launch.start(
                workspace, ranks: ranks, workspace.arguments("parts", settings, threads: 1))
            try child.waitUntil { (workspace.steps("parts").max() ?? 0) > before }
            usleep(UInt32.random(in: 0...30_000, using: &random))
            let all = workspace.processes("parts")
            guard let victim = all.randomElement(using: &random) else { break }
            kill(victim, SIGKILL)
            let started = Date()
            let outcome = try child.wait()
            #expect(Date().timeIntervalSince(started) < 20)
            if outcome.status == 0 { break }
            kills += 1
            // The launcher ends those that are left.
            while !workspace.processes("parts").isEmpty, Date().timeIntervalSince(started) < 30 { usleep(10_000) }
            #expect(workspace.processes("parts").isEmpty)
        }
        #expect(kills >= 4)
        let last = try launch.start(workspace, ranks: 3, workspace.arguments("parts", settings, threads: 1)).wait()
        #expect(last.status == 0, "\(last.errors)")
        #expect(try workspace.record("parts").weights == whole.weights)
    }

    @Test("Ranks go back to a checkpoint together, to the same bits", arguments: Launch.all)
    func rollbacks(_ launch: Launch) throws {
        let workspace = try Workspace()
        try launch.prepare(workspace)
        // Losses that hardly fall are often two deviations above their mean.
        let settings =
            Self.settings + [
                "training.spike_deviations=2", "training.spike_action=roll_back", "training.steps=120",
                "training.checkpoint_every=20", "training.evaluate_every=0", "optimizer.kind=muon",
                "optimizer.peak_learning_rate=1e-6", "optimizer.muon.peak_learning_rate=1e-5",
            ]
        let outcome = try workspace.run("alone", settings, threads: 2)
        #expect(outcome.errors.contains("; weights and moments are those after step "), "\(outcome.errors)")
        let alone = try workspace.record("alone")
        for ranks in [2, 3] {
            let output = "ranks-\(ranks)"
            let shared = try launch.start(
                workspace, ranks: ranks, workspace.arguments(output, settings, threads: 1)
            ).wait()
            #expect(shared.status == 0, "\(shared.errors)")
            #expect(try workspace.record(output).weights == alone.weights)
        }
    }

    @Test("A signal to any rank ends all, with a checkpoint of what was finished", arguments: Launch.all)
    func signals(_ launch: Launch) throws {
        let workspace = try Workspace()
        try launch.prepare(workspace)
        let settings =
            Self.settings + ["training.steps=2000", "training.checkpoint_every=500", "training.evaluate_every=0"]
        for place in 0..<3 {
            let output = "stopped-\(place)"
            let child = try launch.start(workspace, ranks: 3, workspace.arguments(output, settings, threads: 1))
            try child.waitUntil {
                (try? workspace.folder.text("\(output)/metrics.jsonl"))?.contains("\"step\":3,") ?? false
            }
            let all = workspace.processes(output)
            try #require(all.count == 3)
            kill(all[place], SIGTERM)
            let outcome = try child.wait()
            #expect(outcome.status == 75, "\(outcome.errors)")
            #expect(outcome.errors.contains("stopped by SIGTERM after step"))
            let step = try #require(workspace.steps(output).max())
            #expect(step >= 3 && step % 500 != 0)
        }
    }

    @Test("A rank that was asked for something else, or has another corpus, is refused by name", arguments: Launch.all)
    func differences(_ launch: Launch) throws {
        let workspace = try Workspace()
        try launch.prepare(workspace)
        let own = workspace.arguments("out", Self.settings, threads: 1)
        let asked = try launch.start(workspace, [own, own + ["--set", "optimizer.peak_learning_rate=2e-3"]]).wait()
        #expect(asked.status != 0)
        #expect(asked.errors.contains("rank 1 on "))
        #expect(
            asked.errors.contains(
                "cannot take part: it was asked for another configuration: optimizer.peak_learning_rate"))
        #expect(workspace.steps("out").isEmpty)

        try FileManager.default.copyItem(atPath: workspace.path + "/corpus", toPath: workspace.path + "/other")
        try workspace.folder.write(SyntheticText.text(50, seed: 99), to: "other/part1.txt")
        let corpus = try launch.start(workspace, [own, own + ["--set", "corpus.sources=[{path: other}]"]]).wait()
        #expect(corpus.status != 0)
        #expect(corpus.errors.contains("rank 1 on ") && corpus.errors.contains("other/part1.txt"), "\(corpus.errors)")
    }

    @Test("What cannot be shared is refused before anything begins")
    func refusals() throws {
        let launch = Launch.all[0]
        let workspace = try Workspace()
        try launch.prepare(workspace)
        for (settings, what) in [
            (["training.lanes=2"], "of which there are 2"),
            (["training.chunk_tokens=16"], "longer than training.chunk_tokens"),
        ] {
            let outcome = try launch.start(
                workspace, ranks: 3, workspace.arguments("out", settings, threads: 1)
            ).wait()
            #expect(outcome.status != 0)
            #expect(outcome.errors.contains("cannot be shared by 3 ranks"), "\(outcome.errors)")
            #expect(outcome.errors.contains(what), "\(outcome.errors)")
            #expect(outcome.errors.components(separatedBy: "cannot be shared").count == 2, "said once")
        }
    }

    @Test("Without the library nothing runs four times on one directory")
    func noLibrary() throws {
        let launch = Launch.all[0]
        let workspace = try Workspace()
        let arguments = workspace.arguments("out", Self.settings, threads: 1)
        let outcome = try launch.start(workspace, ranks: 2, arguments, hasLibrary: false).wait()
        #expect(outcome.status != 0)
        #expect(outcome.errors.contains("pretrain mpi-library"), "\(outcome.errors)")
        #expect(!workspace.folder.exists("out"))
        let alone = try launch.start(workspace, ranks: 1, arguments, hasLibrary: false).wait()
        #expect(alone.status == 0, "\(alone.errors)")
    }
}
