import Foundation
import TestSupport
import Testing

/// Runs that several processes carry together, under the launchers that are installed.
@Suite("Ranks under a launcher", .enabled(if: !Launch.all.isEmpty, "no MPI is installed"), .serialized)
struct RankTests {
    static let settings = ["training.lanes=4", "training.chunk_tokens=64"]

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
            // Who watches a step changes nothing.
            let timeline = "timeline-\(ranks).\(ranks == 2 ? "svg" : "json")"
            let outcome = try launch.start(
                workspace, ranks: ranks,
                workspace.arguments(output, settings, threads: threads, ["--timeline", timeline])
            ).wait()
            #expect(outcome.status == 0, "\(outcome.errors)")
            let drawn = try Data(contentsOf: URL(fileURLWithPath: "\(workspace.path)/\(timeline)"))
            if ranks == 2 {
                #expect(String(decoding: drawn, as: UTF8.self).contains(">rank 1: to rank 0</text>"))
            } else {
                try Self.checkTrace(drawn, ranks: ranks, threads: threads)
            }
            var record = try workspace.record(output)
            #expect(record.metrics.contains { $0.contains("\"ranks\":[{\"computing\"") })
            record.metrics = try record.metrics.map(Self.withoutRanks)
            record.expectEqual(alone)
        }
    }

    /// Every rank's threads have passed forward and backward, and each has sent every other gradients and weights.
    private static func checkTrace(_ trace: Data, ranks: Int, threads: Int) throws {
        struct Trace: Decodable {
            struct Event: Decodable {
                var name: String
                var ph: String
                var pid: Int
                var tid: Int
                var ts: Double?
                var dur: Double?
                var id: Int?
            }
            var traceEvents: [Event]
        }
        let events = try JSONDecoder().decode(Trace.self, from: trace).traceEvents
        #expect(events.allSatisfy { ($0.ts ?? 0) >= 0 && ($0.dur ?? 0) >= 0 && ($0.ts ?? 0) < 60e6 })
        for rank in 0..<ranks {
            let own = events.filter { $0.pid == rank }
            #expect(Set(own.filter { $0.name == "objective" }.map(\.tid)).count == min(threads, 4 / ranks))
            #expect(own.contains { $0.ph == "X" && $0.name == "discriminator, backward" })
            for other in 0..<ranks where other != rank {
                for kind in ["gradients", "weights"] {
                    for way in ["to", "from"] {
                        let messages = own.filter {
                            $0.name.hasPrefix("\(kind), ") && $0.name.hasSuffix("\(way) rank \(other)")
                        }
                        let (begins, ends) = (messages.filter { $0.ph == "b" }, messages.filter { $0.ph == "e" })
                        #expect(!begins.isEmpty && begins.compactMap(\.id) == ends.compactMap(\.id))
                    }
                }
            }
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

    @Test("A signal to the launcher loses nothing", arguments: zip(Launch.all, [SIGTERM, SIGINT]))
    func signalsToLauncher(_ launch: Launch, signal: Int32) throws {
        let workspace = try Workspace()
        try launch.prepare(workspace)
        let settings =
            Self.settings + [
                "training.checkpoint_every=100", "training.evaluate_every=0", "optimizer.schedule=constant",
            ]
        func arguments(_ output: String, steps: Int) -> [String] {
            workspace.arguments(output, settings + ["training.steps=\(steps)"], threads: 1)
        }
        let child = try launch.start(workspace, ranks: 3, arguments("parts", steps: 1_000_000))
        try child.waitUntil { !workspace.steps("parts").isEmpty }
        child.send(signal)
        // How it ends is the launcher's own affair.
        _ = try child.wait()
        let ended = Date()
        while !workspace.processes("parts").isEmpty, Date().timeIntervalSince(ended) < 30 { usleep(10_000) }
        #expect(workspace.processes("parts").isEmpty)
        let end = try #require(workspace.steps("parts").max()) + 20
        let rest = try launch.start(workspace, ranks: 2, arguments("parts", steps: end)).wait()
        #expect(rest.status == 0, "\(rest.errors)")
        #expect(try Program.run(arguments("whole", steps: end), in: workspace.path).status == 0)
        #expect(try workspace.record("parts").weights == workspace.record("whole").weights)
    }
}
