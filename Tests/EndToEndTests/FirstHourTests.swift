import Foundation
import TestSupport
import Testing

/// What a newcomer meets.
@Suite struct FirstHourTests {
    let workspace: Workspace

    init() throws { workspace = try Workspace() }

    @Test func configCheckOpensWhatTheRunWillOpen() throws {
        let sound = try workspace.pretrain("config", "check", "tiny.yaml", "--json")
        #expect(sound.status == 0, "\(sound.errors)")
        let report = try sound.json()
        #expect(report["first_loss"] as? Double ?? 0 > 0 && report["passes"] as? Double ?? 0 > 0)
        for (setting, reason) in [
            ("tokenizer.path=nothere.json", "nothere.json"), ("corpus.sources.0.text_field=body", "body"),
            ("corpus.sources=[{path: empty}]", "empty"),
        ] {
            try workspace.folder.write("", to: "empty/x.txt")
            let outcome = try workspace.pretrain("config", "check", "tiny.yaml", "--set", setting)
            #expect(
                outcome.status == 1 && outcome.errors.contains(reason),
                "\(setting): \(outcome.output) \(outcome.errors)")
        }
    }

    @Test func parametersAreCountedForTheTokenizerThatIsUsed() throws {
        try workspace.run("run", ["training.steps=1", "tokenizer.vocabulary_size=300"])
        let check = try workspace.pretrain(
            "config", "check", "tiny.yaml", "--no-measurement", "--json", "--set", "tokenizer.path=run/tokenizer.json")
        let inspected = try workspace.pretrain("checkpoint", "inspect", "run", "--json")
        #expect(try check.json()["parameters"] as? Int == inspected.json()["parameters"] as? Int)
    }

    @Test func corpusCheckTellsWhatIsInIt() throws {
        let text = try workspace.pretrain("corpus", "check", "tiny.yaml")
        #expect(text.status == 0 && text.output.contains("held out") && text.output.contains("Latin"), "\(text.errors)")
        let json = try workspace.pretrain("corpus", "check", "--input", "corpus/part0.txt", "--json").json()
        let survey = try #require(json["survey"] as? [String: Any])
        let source = try #require((survey["sources"] as? [[String: Any]])?.first)
        #expect(source["documents"] as? Int == 50)
    }

    @Test func aNameThatPromisesAnotherPictureIsRefused() throws {
        try workspace.run("run", ["training.steps=2"])
        let outcome = try workspace.pretrain("plot", "run", "--output", "p.webp")
        #expect(outcome.status == 64 && outcome.errors.contains("SVG"), "\(outcome.errors)")
        #expect(!workspace.folder.exists("p.webp"))
    }

    @Test func anotherProgramMakesAPictureOfAFigure() throws {
        try workspace.run("run", ["training.steps=2"])
        // What the system has may be none or any: this one stands in for it.
        func plot(_ script: String?) throws -> Program.Outcome {
            try workspace.folder.write(script.map { "#!/bin/sh\n\($0)\n" } ?? "", to: "bin/rsvg-convert")
            let mode = script == nil ? 0o644 : 0o755
            try FileManager.default.setAttributes(
                [.posixPermissions: mode], ofItemAtPath: workspace.folder("bin/rsvg-convert"))
            var environment = ProcessInfo.processInfo.environment
            environment["PATH"] = workspace.folder("bin")
            return try Program.run(
                ["plot", "run", "--output", "p.png"], environment: environment, in: workspace.path)
        }
        let absent = try plot(nil)
        #expect(absent.status == 64 && absent.errors.contains("librsvg2-bin"), "\(absent.errors)")
        let failing = try plot("echo no fonts >&2; exit 3")
        #expect(failing.status == 1 && failing.errors.contains("status 3 (no fonts)"), "\(failing.errors)")
        #expect(!workspace.folder.exists("p.png"))
        let good = try plot("echo \"$*\"; while read -r line; do echo \"$line\"; done")
        #expect(good.status == 0, "\(good.errors)")
        let picture = try workspace.folder.text("p.png")
        #expect(picture.hasPrefix("--format png --zoom 2\n<svg") || picture.hasPrefix("--format png --zoom 2\n<?xml"))
        #expect(picture.contains("</svg>"))
    }

    @Test func aRunThatHasOnlyBegunCannotBePlottedYet() throws {
        try workspace.folder.write("", to: "begun/metrics.jsonl")
        let outcome = try workspace.pretrain("plot", "begun", "--output", "p.svg")
        #expect(outcome.status == 1 && outcome.errors.contains("have recorded nothing yet"), "\(outcome.errors)")
        #expect(!workspace.folder.exists("p.svg"))
    }

    @Test func aStartThatFailsLeavesNothing() throws {
        let outcome = try workspace.run("failed", ["corpus.sources=[{path: absent}]"], expecting: 1)
        #expect(outcome.errors.contains("absent") && !workspace.folder.exists("failed"))
    }

    @Test func fewerStepsThanAreDoneIsNoContradiction() throws {
        try workspace.run("run")
        let outcome = try workspace.run("run", ["training.steps=10"], expecting: 1)
        #expect(outcome.errors.contains("beyond the 10 steps"), "\(outcome.errors)")
    }

    @Test func indicesMayStandInBrackets() throws {
        let outcome = try workspace.pretrain(
            "config", "show", "tiny.yaml", "--set", "corpus.sources[0].path=elsewhere", "--set",
            "corpus.sources[0].weight=2")
        #expect(outcome.status == 0 && outcome.output.contains("elsewhere"), "\(outcome.errors)")
        let train = try workspace.pretrain("train", "--help")
        #expect(train.status == 0 && train.output.contains("Run directory"))
    }

    @Test func textThatIsReadOverAndOverIsSaid() throws {
        try workspace.folder.write(SyntheticText.text(12, seed: 5), to: "few.txt")
        let outcome = try workspace.pretrain(
            "run", "tiny.yaml", "--output", "run", "--json", "--set", "training.steps=120", "--set",
            "corpus.sources=[{path: few.txt}, {path: corpus}]", "--set", "training.evaluate_every=0")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("few.txt has been read 10 times"), "\(outcome.errors)")
        let sources = try #require(try outcome.json()["sources"] as? [[String: Any]])
        #expect((sources[0]["passes"] as? Int ?? 0) >= 10 && (sources[1]["passes"] as? Int ?? 99) < 10, "\(sources)")
        #expect(try workspace.folder.text("run/metrics.jsonl").contains(#""epochs":["#))
    }

    @Test func everySourceHasHeldOutFiguresOfItsOwn() throws {
        let outcome = try workspace.pretrain(
            "run", "tiny.yaml", "--output", "run", "--json", "--set", "training.steps=2", "--set",
            "corpus.sources=[{path: corpus/part0.txt}, {path: corpus/lines.jsonl.gz}]", "--set", "corpus.held_out=0.2")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let evaluation = try #require(try outcome.json()["evaluation"] as? [String: Any])
        let sources = try #require(evaluation["sources"] as? [[String: Any]])
        #expect(sources.compactMap { $0["path"] as? String } == ["corpus/lines.jsonl.gz", "corpus/part0.txt"])
        let tokens = sources.compactMap { $0["tokens"] as? Int }
        #expect(tokens.reduce(0, +) == evaluation["tokens"] as? Int && tokens.allSatisfy { $0 > 0 })
        #expect(outcome.errors.contains("of corpus/part0.txt: generator"), "\(outcome.errors)")
        // The mean of the parts is the whole.
        let losses = sources.compactMap { $0["discriminator_loss"] as? Double }
        let whole = try #require(evaluation["discriminator_loss"] as? Double)
        #expect(
            abs(zip(losses, tokens).reduce(0) { $0 + $1.0 * Double($1.1) } / Double(tokens.reduce(0, +)) - whole) < 1e-9
        )
    }

    @Test func aLengthInHoursBecomesSteps() throws {
        // What the length shortens is not a setting that has changed afterwards.
        let settings = ["training.hours=0.001", "training.stages=[]", "optimizer.warmup_steps=100000"]
        let set = settings.flatMap { ["--set", $0] }
        let check = try Program.run(["config", "check", "tiny.yaml"] + set, in: workspace.path)
        #expect(check.output.contains("note: training.steps is "), "\(check.output)")
        let unmeasured = try Program.run(
            ["config", "check", "tiny.yaml", "--no-measurement"] + set, in: workspace.path)
        #expect(unmeasured.output.contains("note: training.hours: "), "\(unmeasured.output)")
        let search = try Program.run(
            ["transfer-hp", "tiny.yaml", "--output", "search", "--search", "learning_rate=1e-3..2e-3"] + set,
            in: workspace.path)
        #expect(search.status == 1 && search.errors.contains("set training.steps instead"), "\(search.errors)")
        let first = try Program.run(
            workspace.arguments("run", settings).filter { $0 != "--quiet" }, in: workspace.path)
        #expect(first.status == 0 && first.errors.contains("training.steps is"), "\(first.errors)")
        let written = try workspace.folder.text("run/config.yaml")
        #expect(written.contains("hours: null"), "\(written)")
        let steps = try #require(workspace.steps("run").max())
        // The same command finds the run finished, whatever the speed is now.
        let again = try workspace.run("run", settings, expecting: 1)
        #expect(again.errors.contains("has finished its \(steps) steps"), "\(again.errors)")
        // A run that begins anew has a length of its own.
        let anew = try Program.run(
            workspace.arguments("run", settings).filter { $0 != "--quiet" } + ["--resume", "never"], in: workspace.path)
        #expect(anew.status == 0 && !anew.errors.contains("as when the run began"), "\(anew.errors)")
    }

    /// Another language, with marks of their own and one sentence a line, from the text to an exported model.
    @Test(.timeLimit(.minutes(5))) func aWalkWithAnotherLanguage() throws {
        let words = ["नमस्ते", "दुनिया", "भाषा", "पुस्तक", "पानी", "सूरज", "किताब", "लड़का", "गाँव", "मिट्टी"]
        var random = SplitMix64(seed: 9)
        let lines = (0..<600).map { _ in
            (0..<8).map { _ in words[Int(random.next() % 10)] }.joined(separator: " ") + "।"
        }
        try workspace.folder.write(lines.joined(separator: "\n"), to: "hindi/sentences.txt")
        try workspace.folder.write("a table", to: "hindi/notes.csv")
        let check = try workspace.pretrain("corpus", "check", "--input", "hindi")
        #expect(check.status == 0 && check.output.contains("Devanagari 100.0 %"), "\(check.output)")
        #expect(check.output.contains("document_separator: line") && check.output.contains("1 .csv"), "\(check.output)")
        let settings = [
            "corpus.sources=[{path: hindi, document_separator: line}]", "training.steps=6", "corpus.held_out=0.1",
        ]
        let run = try workspace.run("hindi-run", settings)
        #expect(run.errors.contains("other files") || run.errors.contains("other kinds"), "\(run.errors)")
        #expect(try workspace.pretrain("evaluate", "hindi-run", "--json").status == 0)
        #expect(try workspace.pretrain("export", "hindi-run", "--output", "hf").status == 0)
        let detected = try workspace.pretrain("detect", "hindi-run", "--json", input: lines[0] + "\n")
        let tokens = try #require(try detected.json()["tokens"] as? [String])
        // Nothing is lost on the way, and no token begins with a mark of the one before.
        #expect(tokens.dropFirst().dropLast().joined() == lines[0])
    }

    @Test func anotherFormOfUnicodeIsNoticed() throws {
        let words = [
            "caf\u{E9}", "na\u{EF}ve", "\u{FC}ber", "gar\u{E7}on", "\u{E9}l\u{E8}ve", "\u{F6}l", "for\u{EA}t",
            "d\u{E9}j\u{E0}",
        ]
        var random = SplitMix64(seed: 4)
        func sentence() -> String { (0..<10).map { _ in words[Int(random.next() % 8)] }.joined(separator: " ") }
        try workspace.folder.write((0..<300).map { _ in sentence() }.joined(separator: "\n\n"), to: "accents.txt")
        try workspace.run("run", ["corpus.sources=[{path: accents.txt}]", "training.steps=1"])
        let line = sentence()
        let same = try workspace.pretrain("detect", "run", input: line + "\n")
        #expect(same.status == 0 && !same.errors.contains("NFC"), "\(same.errors)")
        let other = try workspace.pretrain("detect", "run", input: line.decomposedStringWithCanonicalMapping + "\n")
        #expect(other.status == 0 && other.errors.contains("in composed (NFC) form"), "\(other.errors)")
    }

    @Test func sizesThatDoAreListed() throws {
        let outcome = try workspace.pretrain("config", "check", "tiny.yaml", "--set", "model.head_count=4")
        #expect(outcome.status == 1 && outcome.errors.contains("these do: 1, 2"), "\(outcome.errors)")
    }
}
