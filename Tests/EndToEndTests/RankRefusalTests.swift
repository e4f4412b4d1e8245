import Foundation
import TestSupport
import Testing

/// Ranks that cannot go together, or that hang. Mostly waiting: a suite of its own, beside that of what ranks compute.
@Suite("Ranks that are refused or hang", .enabled(if: !Launch.all.isEmpty, "no MPI is installed"), .serialized)
struct RankRefusalTests {
    private static let settings = RankTests.settings

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

    @Test("A rank that hangs is named by the others, and all end", arguments: Launch.all, [0, 1])
    func hangs(_ launch: Launch, rank: Int) throws {
        let workspace = try Workspace()
        try launch.prepare(workspace)
        let settings =
            Self.settings + ["training.steps=100000", "training.checkpoint_every=500", "training.evaluate_every=0"]
        let child = try launch.start(
            workspace, ranks: 3, workspace.arguments("out", settings, threads: 1),
            variables: ["PRETRAIN_MPI_PATIENCE": "6"])
        defer { for process in workspace.processes("out") { kill(process, SIGKILL) } }
        try child.waitUntil {
            (try? workspace.folder.text("out/metrics.jsonl"))?.contains("\"step\":3,") ?? false
        }
        let victim = try #require(launch.process(rank, of: "out", workspace), "\(child.errors)")
        kill(victim, SIGSTOP)
        let stopped = Date()
        try child.waitUntil { child.errors.contains("has not been heard of") }
        #expect(Date().timeIntervalSince(stopped) < 40)
        // Launchers end a stopped process sooner or later.
        kill(victim, SIGKILL)
        let outcome = try child.wait()
        #expect(outcome.status != 0)
        let message = outcome.errors.range(
            of: "the run ends: .*rank \(rank) on \\S+ has not been heard of", options: .regularExpression)
        #expect(message != nil, "\(outcome.errors)")
        #expect(outcome.errors.contains("waiting for "), "\(outcome.errors)")
    }

    @Test("Kernels and programs that round differently are refused by name", arguments: Launch.all)
    func programs(_ launch: Launch) throws {
        let workspace = try Workspace()
        try launch.prepare(workspace)
        let own = workspace.arguments("out", Self.settings, threads: 1)
        #if arch(x86_64)
            let commands = ["Haswell", "Sandybridge"].map { kernels -> [String] in
                ["env", "-u", "PRETRAIN_OPENBLAS_CORETYPES", "OPENBLAS_CORETYPE=\(kernels)", Program.path] + own
            }
            let kernels = try launch.start(workspace, commands: commands).wait()
            #expect(kernels.status != 0)
            #expect(
                kernels.errors.contains("cannot take part: it multiplies with ")
                    && kernels.errors.contains("Sandybridge"), "\(kernels.errors)")
            #expect(workspace.steps("out").isEmpty)
        #endif

        // It does the same, but who would know.
        let other = workspace.path + "/pretrain"
        try FileManager.default.copyItem(atPath: Program.path, toPath: other)
        let file = try #require(FileHandle(forWritingAtPath: other))
        try file.seekToEnd()
        try file.write(contentsOf: Data([0]))
        try file.close()
        let program = try launch.start(workspace, commands: [[Program.path] + own, [other] + own]).wait()
        #expect(program.status != 0)
        #expect(program.errors.contains("rank 1 on "), "\(program.errors)")
        #expect(program.errors.contains("its program is not the file that the first rank runs"), "\(program.errors)")
        #expect(workspace.steps("out").isEmpty)
    }

    @Test("A library of another MPI than the launcher's is refused", .enabled(if: Launch.all.count == 2))
    func otherMPI() throws {
        let workspace = try Workspace()
        try Launch.all[1].prepare(workspace)
        let outcome = try Launch.all[0].start(
            workspace, ranks: 2, workspace.arguments("out", Self.settings, threads: 1)
        ).wait()
        #expect(outcome.status != 0)
        #expect(
            outcome.errors.contains("the launcher has started 2 ranks, and MPI sees 1: "), "\(outcome.errors)")
        #expect(outcome.errors.contains("was built for \(Launch.all[1].testDescription)"), "\(outcome.errors)")
        #expect(!workspace.folder.exists("out"))
    }

    @Test("Ranks may be told to work by themselves, or together", arguments: Launch.all)
    func distributed(_ launch: Launch) throws {
        let workspace = try Workspace()
        try launch.prepare(workspace)
        try workspace.run("alone", Self.settings)
        let alone = try workspace.record("alone").weights
        let outputs = ["first", "second"]
        let off = try launch.start(
            workspace,
            outputs.map { workspace.arguments($0, Self.settings, threads: 1, ["--distributed", "off"]) }
        ).wait()
        #expect(off.status == 0, "\(off.errors)")
        for output in outputs {
            #expect(try workspace.record(output).weights == alone)
            #expect(try !workspace.folder.text("\(output)/metrics.jsonl").contains("\"ranks\""))
        }

        let together = workspace.arguments("together", Self.settings, threads: 1, ["--distributed", "mpi"])
        let shared = try launch.start(workspace, ranks: 2, together).wait()
        #expect(shared.status == 0, "\(shared.errors)")
        #expect(try workspace.record("together").weights == alone)
        #expect(try workspace.folder.text("together/metrics.jsonl").contains("\"ranks\""))

        // Whoever asks for MPI does not get something else without a word.
        let missing = try Program.run(
            workspace.arguments("missing", Self.settings, threads: 1, ["--distributed", "mpi"]),
            environment: launch.environment(workspace, hasLibrary: false), in: workspace.path)
        #expect(missing.status != 0)
        #expect(missing.errors.contains("pretrain mpi-library"), "\(missing.errors)")
        #expect(!workspace.folder.exists("missing"))
    }
}
