import Foundation
import TestSupport
import Testing

/// What every command says of text that it cannot use.
@Suite struct SkippedTextTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        let good = SyntheticText.jsonLines(196, seed: 5)
        try workspace.folder.write(good + String(repeating: "{\"body\": \"x\"}\n", count: 4), to: "some/a.jsonl")
        try workspace.folder.write(
            String(repeating: "{\"body\": \"x\", \"id\": 1}\n", count: 199) + "{\"text\": \"one\"}\n", to: "bad.jsonl")
        try workspace.folder.write("a note", to: "some/README.md")
    }

    private func skipped(_ outcome: Program.Outcome) throws -> [String: Int] {
        let entries = try #require(try outcome.json()["skipped"] as? [[String: Any]])
        return Dictionary(
            uniqueKeysWithValues: try entries.map {
                (try #require($0["kind"] as? String), try #require($0["count"] as? Int))
            })
    }

    @Test func everyCommandCountsItAtTheEndAndInItsReport() throws {
        let source = "corpus.sources=[{path: some}]"
        let run = try workspace.run("run", [source, "training.steps=60"], ["--json"])
        #expect(try skipped(run) == ["missing_field": 4, "other_file": 1])
        #expect(run.errors.contains("  missing field: 4, first: some/a.jsonl:197: no text in member \"text\""))
        #expect(run.errors.contains("(fields: body)") && run.errors.contains("1 .md"))
        let commands: [[String]] = [
            ["evaluate", "run", "--corpus", "some", "--tokens", "100000"],
            ["tokenizer", "train", "--input", "some", "--vocabulary-size", "300", "--output", "t.json"],
            [
                "bench", "loader", "tiny.yaml", "--set", source, "--set", "tokenizer.path=run/tokenizer.json",
                "--batches", "30", "--steps", "0",
            ],
        ]
        for command in commands {
            let outcome = try Program.run(command + ["--json"], in: workspace.path)
            #expect(outcome.status == 0, "\(command): \(outcome.errors)")
            #expect(try skipped(outcome) == ["missing_field": 4, "other_file": 1], "\(command)")
            #expect(outcome.errors.contains("  missing field: 4, first: some/a.jsonl:197: "), "\(command)")
        }
    }

    @Test func modelsAreEvaluatedOnTextThatIsReadAsAsked() throws {
        try workspace.run("run")
        for command in ["evaluate", "analyze"] {
            let refused = try workspace.pretrain(command, "run", "--corpus", "bad.jsonl")
            #expect(refused.status == 1 && refused.errors.contains("corpus.maximum_skipped_fraction"))
            let allowed = try workspace.pretrain(
                command, "run", "--corpus", "bad.jsonl", "--set", "corpus.maximum_skipped_fraction=1")
            #expect(allowed.status == 0 && allowed.errors.contains("missing field: 199"), "\(allowed.errors)")
            let named = try workspace.pretrain(
                command, "run", "--corpus", "bad.jsonl", "--text-field", "body", "--set",
                "corpus.maximum_skipped_fraction=0.1")
            #expect(named.status == 0, "\(named.errors)")
        }
    }

    @Test func theTokenizerTakesTheReadingOptionsThatItsErrorsName() throws {
        func train(_ arguments: String...) throws -> Program.Outcome {
            try Program.run(
                ["tokenizer", "train", "--vocabulary-size", "300", "--output", "t.json"] + arguments, in: workspace.path
            )
        }
        let refused = try train("--input", "bad.jsonl")
        #expect(refused.status == 1 && refused.errors.contains("199 of 200 rows cannot be used"))
        #expect(
            refused.errors.contains("corpus.maximum_skipped_fraction") && refused.errors.contains("fields: body, id"))
        #expect(!workspace.folder.exists("t.json"))
        #expect(try train("--input", "bad.jsonl", "--set", "corpus.maximum_skipped_fraction=1").status == 0)
        #expect(try train("--input", "bad.jsonl", "--text-field", "body").status == 0)
        let strict = try train("--input", "bad.jsonl", "--set", "corpus.strict=true")
        #expect(
            strict.status == 1 && strict.errors.contains("bad.jsonl:1: ") && strict.errors.contains("corpus.strict"))
        #expect(
            try train("--set", "corpus.sources=[{path: bad.jsonl, text_field: body}]", "--document-separator", "file")
                .status == 0)
        #expect(try train("--input", "bad.jsonl", "--format", "text").status == 0)
        let none = try train()
        #expect(none.status == 64 && none.errors.contains("--input"))
        #expect(try train("--input", "bad.jsonl", "--set", "corpus.heldout=1").errors.contains("held_out"))
    }

    @Test func anErrorOfASourceIsSaidOnce() throws {
        let outcome = try workspace.run("run", ["corpus.sources=[{path: some, weight: 0}]"], expecting: 1)
        #expect(outcome.errors.components(separatedBy: "must be above 0").count == 2, "\(outcome.errors)")
    }

    @Test func aCorpusThatChangesDuringTheRunEndsIt() throws {
        let child = try Program.start(
            workspace.arguments("run", ["training.steps=100000", "training.checkpoint_every=10"]), in: workspace.path)
        try child.waitUntil { (workspace.steps("run").max() ?? 0) >= 20 }
        try workspace.folder.write(SyntheticText.text(50, seed: 77), to: "corpus/part1.txt")
        let outcome = try child.wait()
        #expect(outcome.status == 1 && outcome.errors.contains("corpus/part1.txt has changed while it was in use"))
    }
}
