import Checkpoints
import Foundation
import Testing

@Suite struct CommandTests {
    let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        try workspace.run("run")
    }

    @Test("Into a pipe, detect marks whole words")
    func detectMarksWords() throws {
        let step = try #require(workspace.steps("run").max())
        try workspace.rewrite("run", step: step) { group, view in
            if group == TensorGroup.weights, view.name == "discriminator.head.output.bias" { view.elements[0] = 1000 }
        }
        let shown = try workspace.pretrain("detect", "run", input: "The miller watches 17 boats, often!\n")
        let words = "[The 1.00] [miller 1.00] [watches 1.00] [17 1.00] [boats 1.00][, 1.00] [often 1.00][! 1.00]\n"
        #expect(shown.output == words, "\(shown.errors)")
    }

    @Test func detectAnswersLineByLine() throws {
        let lines = [
            "The miller watches the fog.", "", "[MASK] \u{0}\t", "añb", String(repeating: "long ", count: 200),
        ]
        let outcome = try workspace.pretrain(
            "detect", "run", "--json", input: lines.joined(separator: "\n") + "\n")
        let answers = try outcome.output.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(outcome.status == 0 && answers.count == lines.count)
        for answer in answers {
            let ids = try #require(answer["ids"] as? [Int])
            let tokens = try #require(answer["tokens"] as? [String])
            #expect(ids.count == tokens.count && ids.count == (answer["logits"] as? [Double])?.count)
            #expect(tokens.first == "[CLS]" && tokens.last == "[SEP]")
        }
        #expect((answers[1]["ids"] as? [Int])?.count == 2)
        // Special tokens in the text are text.
        #expect((answers[2]["tokens"] as? [String])?.contains("[MASK]") == false)
        // Without the special tokens, the ids are those of `tokenizer encode`.
        let encoded = try workspace.pretrain("tokenizer", "encode", "run/tokenizer.json", input: lines[0] + "\n")
        let ids = try #require(answers[0]["ids"] as? [Int]).dropFirst().dropLast().map(String.init)
        #expect(encoded.output == ids.joined(separator: " ") + "\n")
        let decoded = try workspace.pretrain("tokenizer", "decode", "run/tokenizer.json", input: encoded.output)
        #expect(decoded.output == lines[0] + "\n")
    }

    @Test func evaluateGivesTheNumbersOfTheRun() throws {
        let report = try workspace.pretrain("evaluate", "run", "--json").json()
        let metrics = try workspace.folder.text("run/metrics.jsonl").split(separator: "\n")
        let line = try #require(metrics.last)
        let last = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        let recorded = try #require(last["evaluation"] as? [String: Any])
        for key in [
            "generator_loss", "generator_accuracy", "unigram_entropy", "replaced_fraction", "discriminator_loss",
            "discriminator_accuracy", "discriminator_precision", "discriminator_recall", "discriminator_auc",
        ] {
            let value = try #require(report[key] as? Double, "\(key)")
            #expect(value.isFinite && value == recorded[key] as? Double, "\(key)")
        }
        let other = try workspace.pretrain("evaluate", "run", "--corpus", "corpus", "--tokens", "100", "--json")
        #expect(other.status == 0 && other.errors.isEmpty)
        for arguments in [["--corpus", "absent"], ["--corpus", ""]] {
            let outcome = try Program.run(["evaluate", "run"] + arguments, in: workspace.path)
            #expect(outcome.status == 1 && !outcome.errors.isEmpty)
        }
        #expect(try workspace.pretrain("evaluate", "run", "--tokens", "0").status == 64)
    }

    @Test func wrongPathsAreRefusedByEveryCommand() throws {
        for command in [
            ["evaluate"], ["detect"], ["export", "--output", "exported"], ["checkpoint", "list"],
            ["checkpoint", "inspect"], ["checkpoint", "verify"],
        ] {
            for path in ["absent", "", "tiny.yaml", "corpus", "/dev/null"] {
                let outcome = try Program.run(command + [path], in: workspace.path)
                #expect(outcome.status == 1 && !outcome.wasKilled, "\(command) \(path): \(outcome.errors)")
                #expect(outcome.errors.contains("no checkpoint here") && outcome.output.isEmpty)
            }
        }
        for path in ["absent", "tiny.yaml", "corpus", "/dev/null"] {
            let outcome = try workspace.pretrain("tokenizer", "encode", path)
            #expect(outcome.status == 1 && !outcome.wasKilled && outcome.errors.contains(path))
        }
        let ids = try workspace.pretrain("tokenizer", "decode", "run/tokenizer.json", input: "1 2\n5 -1 99999\n")
        #expect(ids.status == 1 && ids.errors.contains("line 2"))
    }

    @Test func exportWritesWhatTransformersLoads() throws {
        let rotary = try workspace.pretrain("export", "run", "--output", "rotary", "--form", "electra")
        #expect(rotary.status == 1 && rotary.errors.contains("Post-LN"))
        #expect(!workspace.folder.exists("rotary"))
        try workspace.run("post-rotary", ["model.normalization.placement=post", "training.steps=2"])
        let postRotary = try workspace.pretrain("export", "post-rotary", "--output", "rotary", "--form", "electra")
        #expect(postRotary.status == 1 && postRotary.errors.contains("positions"), "\(postRotary.errors)")
        let withCode = try workspace.pretrain("export", "post-rotary", "--output", "rotary")
        #expect(withCode.status == 0 && withCode.output.contains("PretrainForReplacedTokenDetection"))
        #expect(
            try workspace.folder.text("rotary/generator/modeling_pretrain.py").contains("class PretrainForMaskedLM"))

        try workspace.run(
            "post", ["model.normalization.placement=post", "model.positions=learned", "training.steps=3"])
        let outcome = try workspace.pretrain("export", "post", "--output", "exported")
        #expect(outcome.status == 0, "\(outcome.errors)")
        for part in ["discriminator", "generator"] {
            for file in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
                let data = Data(try workspace.folder.text("exported/\(part)/\(file)").utf8)
                #expect(try JSONSerialization.jsonObject(with: data) is [String: Any], "\(part)/\(file)")
            }
            let file = URL(fileURLWithPath: "\(workspace.path)/exported/\(part)/model.safetensors")
            let tensors = try Data(contentsOf: file)
            let length = tensors.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            let header = try #require(
                try JSONSerialization.jsonObject(with: tensors[8..<8 + length]) as? [String: Any])
            let ends = header.values.compactMap { (($0 as? [String: Any])?["data_offsets"] as? [Int])?.last }
            #expect(8 + length + (ends.max() ?? 0) == tensors.count)
            #expect(header.keys.contains { $0.hasSuffix("embeddings.word_embeddings.weight") })
        }
        let again = try workspace.pretrain("export", "post", "--output", "exported")
        #expect(again.status == 1)
        #expect(try workspace.pretrain("export", "post", "--output", "exported", "--force").status == 0)
    }

    @Test func streamsThatCannotBeWritten() throws {
        for command in [
            "config keys", "config show", "config check tiny.yaml --no-measurement", "checkpoint list run",
            "checkpoint inspect run --json", "checkpoint verify run", "evaluate run", "detect run",
            "tokenizer encode run/tokenizer.json",
        ] {
            let full = try Program.shell(#"echo hi | "$PRETRAIN" \#(command) > /dev/full"#, in: workspace.path)
            #expect(full.status == 1 && full.errors.contains("standard output: No space left"), "\(command)")
            let silent = try Program.shell(#""$PRETRAIN" \#(command) < /dev/null >&- 2>&-"#, in: workspace.path)
            #expect(silent.status < 2, "\(command): \(silent.status)")
        }
        // A reader that leaves ends the writer the way of all filters.
        let piped = try Program.shell(
            #"yes hello | "$PRETRAIN" detect run --json | head -1; echo ${PIPESTATUS[1]}"#, in: workspace.path)
        #expect(piped.output.hasSuffix("}\n141\n"), "\(piped.output.suffix(100))")
        // Training goes on whether or not anybody listens.
        for (number, redirection) in ["2> /dev/full", "2>&-", "2>&1 | (exec head -c 1; )", "<&- 2> /dev/null"]
            .enumerated()
        {
            let outcome = try Program.shell(
                #"set -o pipefail; "$PRETRAIN" run tiny.yaml --output silent-\#(number) \#(redirection)"#,
                in: workspace.path)
            #expect(outcome.status < 2, "\(redirection): \(outcome.status)")
            #expect(workspace.steps("silent-\(number)").max() == 20, "\(redirection)")
        }
        let bare = try Program.run(
            ["run", "tiny.yaml", "--output", "bare"], environment: ["TERM": "dumb", "NO_COLOR": "1"],
            in: workspace.path)
        #expect(bare.status == 0 && !bare.errors.contains("\u{1B}"))
    }
}
