import Foundation
import Testing

@Suite struct ConfigurationErrorTests {
    @Test func mistakesAreNamed() throws {
        let workspace = try Workspace()
        try workspace.folder.write("model: {}\ntraining:\n  steps: 3\n  batchsize: 4\n", to: "typing.yaml")
        try workspace.folder.write("training: {steps: [1, 2\n", to: "broken.yaml")
        try workspace.folder.write(Data([0x6D, 0xFF, 0xFE]), to: "binary.yaml")
        let cases: [(arguments: [String], status: Int32, parts: [String])] = [
            (["typing.yaml"], 1, ["typing.yaml:4", "training.batchsize", "batch_size"]),
            (["broken.yaml"], 1, ["broken.yaml", "not valid YAML"]),
            (["binary.yaml"], 1, ["binary.yaml", "UTF-8"]),
            (["absent.yaml"], 1, ["absent.yaml", "cannot be opened"]),
            (["corpus"], 1, ["corpus", "directory"]),
            (["--set", "trainig.steps=3"], 1, ["unknown key trainig", "did you mean training"]),
            (["--set", "training.steps=0"], 1, ["training.steps", "out of range", "from 1 to"]),
            (["--set", "training.steps=many"], 1, ["training.steps", "expected an integer"]),
            (["--set", "training.steps=3.5"], 1, ["training.steps", "expected an integer"]),
            (["--set", "training.steps=99999999999999999999"], 1, ["training.steps", "out of range"]),
            (["--set", "training.steps="], 1, ["training.steps"]),
            (["--set", "training.steps"], 1, ["no equals sign"]),
            (["--set", "=3"], 1, ["not a key path"]),
            (["--set", "corpus.sources=[{"], 1, ["corpus.sources", "not valid YAML"]),
            (["--set", "optimizer.clip_norm=.nan"], 1, ["optimizer.clip_norm", "finite"]),
            (["--set", "model.preset=huge"], 1, ["no preset huge", "electra-small"]),
            (["--preset", "huge"], 64, ["no preset", "electra-small"]),
            (["--preset", ""], 64, ["no preset"]),
            (["--threads", "0"], 64, ["--threads must be from 1"]),
            (["--threads", "100000"], 64, ["--threads must be from 1"]),
            (["--output", ""], 64, ["--output is empty"]),
            (["--resume", ""], 64, ["--resume is empty"]),
            (
                ["--set", "corpus.sequence_length=600", "--set", "model.positions=learned"], 1,
                ["corpus.sequence_length", "model.maximum_positions"]
            ),
            (["--set", "model.head_count=5"], 1, ["model.head_count", "hidden_size"]),
            (
                [
                    "--set", "training.batch_size=1048576", "--set", "training.accumulation_steps=65536",
                    "--set", "corpus.sequence_length=1048576", "--set", "training.steps=1000000000",
                ], 1,
                ["training.steps", "more tokens than can be counted"]
            ),
            (
                ["--set", "training.batch_size=1048576", "--set", "training.accumulation_steps=65536"], 1,
                ["of memory and this machine has"]
            ),
            (
                ["--set", "model.hidden_size=65536", "--set", "model.layer_count=1024"], 1,
                ["of memory and this machine has"]
            ),
            (["--set", "corpus.sources=[]"], 1, ["corpus.sources"]),
            (["--set", "corpus.sources=[{path: absent}]"], 1, ["absent", "No such file"]),
            (["--set", "tokenizer.path=absent.json"], 1, ["absent.json", "No such file"]),
            (["--resume", "absent"], 1, ["absent"]),
        ]
        for (arguments, status, parts) in cases {
            let hasFile = arguments.first.map { !$0.hasPrefix("--") } ?? false
            let outcome = try Program.run(
                ["run"] + (hasFile ? [] : ["tiny.yaml"]) + ["--quiet"]
                    + (arguments.contains("--output") ? [] : ["--output", "out"]) + arguments,
                in: workspace.path)
            #expect(outcome.status == status && !outcome.wasKilled, "\(arguments): \(outcome.errors)")
            #expect(outcome.output.isEmpty)
            for part in parts { #expect(outcome.errors.contains(part), "\(arguments): \(outcome.errors)") }
            #expect(workspace.steps("out").isEmpty)
        }
    }

    /// Unusual, but sound: each must train to its end.
    @Test(arguments: [
        ["training.steps=1", "training.batch_size=1"], ["training.lanes=1024"], ["training.chunk_tokens=1"],
        ["corpus.sequence_length=3", "objective.mask_fraction=0.9", "training.chunk_tokens=1"],
        ["corpus.sequence_length=4", "objective.mask_fraction=0.001", "training.batch_size=1"],
        ["tokenizer.vocabulary_size=262", "model.layer_count=1", "model.normalization.alpha=0"],
        ["tokenizer.vocabulary_size=1000000", "model.normalization.alpha=1"],
        ["model.dropout=0.9", "model.attention_dropout=0.9", "model.head_count=4", "model.positions=learned"],
        ["corpus.held_out=0.5", "evaluation.tokens=3", "training.checkpoint_every=0", "training.evaluate_every=0"],
        ["optimizer.peak_learning_rate=0", "objective.generator_weight=0", "objective.discriminator_weight=0"],
        ["optimizer.beta1=0", "optimizer.beta2=0", "optimizer.schedule=wsd", "optimizer.decay_steps=1000000000"],
        ["corpus.shuffle_bytes=65536", "corpus.maximum_document_bytes=1024", "corpus.shuffle_documents=1"],
    ])
    func extremesTrain(_ settings: [String]) throws {
        let workspace = try Workspace()
        try workspace.run("out", ["training.steps=12"] + settings, threads: settings.count == 1 ? 5 : 2)
        #expect(workspace.steps("out").max() == (settings.contains("training.steps=1") ? 1 : 12))
    }

    @Test func whatIsShownReadsBackTheSame() throws {
        let workspace = try Workspace()
        for comments in [[], ["--comments"]] {
            let arguments = ["config", "show", "--set", "training.steps=77", "--set", "training.keep_every=5"]
            let shown = try Program.run(arguments + ["tiny.yaml"] + comments, in: workspace.path)
            #expect(shown.status == 0 && shown.output.contains("steps: 77"))
            try workspace.folder.write(shown.output, to: "shown.yaml")
            let again = try Program.run(["config", "show", "shown.yaml"] + comments, in: workspace.path)
            #expect(again.output == shown.output && again.status == 0)
        }
        try workspace.run("run")
        let saved = try workspace.pretrain("config", "show", "run/config.yaml")
        #expect(saved.output == (try workspace.pretrain("config", "show", "tiny.yaml")).output)
    }

    @Test func checkTellsTheCost() throws {
        let workspace = try Workspace()
        let check = try workspace.pretrain("config", "check", "tiny.yaml", "--json").json()
        for key in ["parameters", "flops_per_token", "memory_bytes", "tokens_per_second", "seconds", "total_tokens"] {
            #expect((check[key] as? Double ?? 0) > 0, "\(key)")
        }
        try workspace.run("run")
        let inspected = try workspace.pretrain("checkpoint", "inspect", "run", "--json").json()
        #expect(check["parameters"] as? Int == inspected["parameters"] as? Int)
    }
}
