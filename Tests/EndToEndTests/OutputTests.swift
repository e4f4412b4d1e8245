import Foundation
import Testing

/// Where commands write.
@Suite struct OutputTests {
    @Test func whatIsNotAFileStaysWhatItIs() throws {
        let workspace = try Workspace()
        try workspace.run("run", ["training.steps=2"])
        for command in [
            "tokenizer train --input corpus --vocabulary-size 300 --output",
            "plot run --output",
        ] {
            _ = try Program.shell(
                "mkfifo pipe; timeout 60 cat pipe > got & \"$PRETRAIN\" \(command) pipe > /dev/null; wait",
                in: workspace.path)
            #expect(!(try workspace.folder.text("got")).isEmpty, "\(command)")
            var status = stat()
            #expect(stat(workspace.path + "/pipe", &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
            try workspace.folder.remove("pipe")
        }
    }

    @Test func impossibleOutputsAreToldBeforeTheWork() throws {
        let workspace = try Workspace()
        try workspace.run("run")
        try workspace.folder.write("a file", to: "file")
        for (arguments, reason) in [
            (["analyze", "run", "--output", "file"], "not a folder"),
            (["coordinate-check", "tiny.yaml", "--output", "missing/a.svg"], "No such file or directory"),
            (["plot", "run", "--output", ""], "the name is empty"),
            (
                ["tokenizer", "train", "--input", "corpus", "--vocabulary-size", "300", "--output", "corpus"],
                "is a folder"
            ),
            (["run", "tiny.yaml", "--output", "file/run"], "file is not a folder"),
        ] {
            let outcome = try Program.run(arguments, in: workspace.path)
            #expect(outcome.status == 1 && outcome.errors.contains(reason), "\(arguments): \(outcome.errors)")
            #expect(
                !outcome.errors.contains("NSCocoaErrorDomain") && !outcome.errors.contains("could not be completed"))
        }
    }

    @Test func theHomeFolderAndAByteOrderMark() throws {
        let workspace = try Workspace()
        try workspace.folder.write("\u{FEFF}" + Workspace.configuration, to: "marked.yaml")
        let outcome = try Program.shell(
            "HOME=$PWD/home; mkdir home; export HOME; exec \"$PRETRAIN\" run marked.yaml --output='~/run' --quiet",
            in: workspace.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(workspace.steps("home/run").contains(20))
        #expect(!workspace.folder.exists("~"))
    }

    @Test func neverInAFreshFolderMovesNothing() throws {
        let workspace = try Workspace()
        let outcome = try Program.run(
            workspace.arguments("run", ["training.steps=1"], ["--resume", "never"]).filter { $0 != "--quiet" },
            in: workspace.path)
        #expect(outcome.status == 0 && !outcome.errors.contains("moved"), "\(outcome.errors)")
        #expect(!workspace.folder.exists("run/previous-1"))
    }

    /// Foundation's own function for the folder of a path traps on these.
    @Test func namesOfOneCharacter() throws {
        let workspace = try Workspace()
        try workspace.run("m", ["training.steps=1"])
        try workspace.folder.write("", to: "t")
        for (arguments, status) in [
            (["analyze", "m", "--output", "a"], 0), (["export", "m", "--output", "e"], 0),
            (["plot", "m", "--output", "p"], 0), (["finetune", "m", "--task", "t", "--output", "r"], 1),
            (["compare", "t", "--output", "c"], 1),
        ] {
            let outcome = try Program.run(arguments, in: workspace.path)
            #expect(outcome.status == status && !outcome.wasKilled, "\(arguments): \(outcome.errors)")
        }
    }
}
