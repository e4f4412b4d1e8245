import Foundation
import TestSupport
import Testing

@Suite struct RunDirectoryTests {
    @Test func aSecondRunIsRefusedWithTheHoldersIdentifier() throws {
        let workspace = try Workspace()
        let first = try workspace.start("run", ["training.steps=1000000"])
        try first.waitUntil { !workspace.steps("run").isEmpty }
        for more in [[], ["--resume", "never"]] {
            let second = try workspace.run("run", ["training.steps=1000000"], more, expecting: 1)
            #expect(second.errors.contains("process \(first.identifier) "), "\(second.errors)")
        }
        #expect(first.isRunning && !workspace.folder.exists("run/previous-1"))
        first.send(SIGKILL)
        _ = try first.wait()
        // The lock of a dead process holds nobody up.
        try workspace.run("run", ["training.steps=3"], ["--resume", "never"])
    }

    @Test func resumingFromAnOlderCheckpointIsRepeatable() throws {
        let workspace = try Workspace()
        try workspace.run("run", ["training.keep_last=10"])
        try workspace.folder.copy("run", to: "whole")
        try workspace.run("run", ["training.keep_last=10"], ["--resume", workspace.checkpoint("run", 10)])
        try workspace.record("run").expectEqual(try workspace.record("whole"))
        #expect(workspace.steps("run") == [5, 10, 15, 20])
        #expect(workspace.folder.names("run/previous-1/checkpoints") == ["step-00000015", "step-00000020"])
        // Into another directory too.
        try workspace.run("third", ["training.keep_last=10"], ["--resume", workspace.checkpoint("whole", 10)])
        #expect(try workspace.record("third").weights == workspace.record("whole").weights)
    }

    @Test func startingAnewSetsAsideAndAutomaticResumingDoesNot() throws {
        let workspace = try Workspace()
        try workspace.run("run")
        let first = try workspace.record("run")
        let finished = try workspace.run("run", expecting: 1)
        #expect(finished.errors.contains("has finished its 20 steps"))
        try workspace.run("run", ["training.steps=25"])
        #expect(!workspace.folder.exists("run/previous-1"))
        try workspace.run("run", [], ["--resume", "never"])
        try workspace.record("run").expectEqual(first)
        #expect(workspace.steps("run/previous-1").max() == 25)
        // Told nothing but the directory, it begins the same run anew.
        let again = try workspace.pretrain("run", "--output", "run", "--resume", "never", "--quiet")
        #expect(again.status == 0, "\(again.errors)")
        try workspace.record("run").expectEqual(first)
        #expect(workspace.steps("run/previous-2").max() == 20)
    }

    @Test func theDirectoryAloneSuffices() throws {
        let workspace = try Workspace()
        try workspace.run("run")
        let outcome = try workspace.pretrain("run", "--output", "run", "--set", "training.steps=25", "--quiet")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let older = try workspace.pretrain(
            "run", "--output", "run", "--resume", workspace.checkpoint("run", 20), "--quiet")
        #expect(older.status == 0, "\(older.errors)")
        #expect(workspace.steps("run").max() == 25)
    }

    @Test(arguments: ["outfile", "/dev/null", "/proc/none/here", "/dev/null/below"])
    func anOutputThatCannotBeADirectoryIsRefused(_ output: String) throws {
        let workspace = try Workspace()
        try workspace.folder.write("mine", to: "outfile")
        let outcome = try workspace.run(output, expecting: 1)
        #expect(outcome.errors.contains("cannot create the folder \(output.prefix(10))"), "\(outcome.errors)")
        #expect(try workspace.folder.text("outfile") == "mine")
    }

    @Test func controlCharactersOfAPathAreWrittenOut() throws {
        let workspace = try Workspace()
        let name = "run\u{1B}[2J\u{9B}1m"
        for status in [0, 1] as [Int32] {
            // The second time there is nothing left to do, which is an error that names the directory.
            let arguments = workspace.arguments(name, ["training.steps=2"]).filter { $0 != "--quiet" }
            let outcome = try Program.run(arguments, in: workspace.path)
            #expect(outcome.status == status, "\(outcome.errors)")
            let shown = outcome.output + outcome.errors
            #expect(shown.contains(#"run\u{1B}[2J\u{9B}1m"#) && !shown.contains("\u{1B}") && !shown.contains("\u{9B}"))
        }
        let listing = try workspace.pretrain("checkpoint", "list", name)
        #expect(listing.status == 0 && !listing.output.contains("\u{1B}") && listing.output.contains(#"\u{1B}"#))
    }

    @Test(.disabled(if: Sanitizer.writesFiles)) func aFullDiskLosesNothing() throws {
        let workspace = try Workspace()
        try workspace.run("run")
        let before = try workspace.record("run")
        try workspace.folder.copy("run", to: "whole")
        // Files of at most 60 KiB: a checkpoint's tensors do not fit.
        let limited = try Program.shell(
            #"ulimit -f 60; exec "$PRETRAIN" run tiny.yaml --output run --quiet --set training.steps=30"#,
            in: workspace.path)
        #expect(limited.status == 1 && !limited.wasKilled, "\(limited.errors)")
        #expect(limited.errors.contains("cannot write"), "\(limited.errors)")
        #expect(try workspace.record("run").weights == before.weights)
        try workspace.run("run", ["training.steps=30"])
        try workspace.run("whole", ["training.steps=30"])
        #expect(workspace.folder.names("run/checkpoints").allSatisfy { $0.hasPrefix("step-") })
        try workspace.record("run").expectEqual(try workspace.record("whole"))
    }
}
