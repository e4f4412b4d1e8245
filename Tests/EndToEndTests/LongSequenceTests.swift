import Foundation
import Testing

/// Sequences that all threads carry together, patterns of attention, and going on from short to long ones.
@Suite struct LongSequenceTests {
    static let window = [
        "model.attention.pattern=window", "model.attention.window=32", "model.attention.global_tokens=documents",
        "model.attention.global_projections=own",
    ]

    /// Sequences of several slices.
    static let long = [
        "corpus.sequence_length=320", "training.chunk_tokens=96", "training.batch_size=2", "training.lanes=3",
        "training.steps=12", "training.checkpoint_every=4", "training.evaluate_every=6",
    ]

    @Test(arguments: [
        window, [], window + ["training.precision=bfloat16"],
        ["model.attention.pattern=big_bird", "model.attention.block_size=16"],
    ])
    func threadsDoNotChangeABitOfLongSequences(_ attention: [String]) throws {
        let workspace = try Workspace()
        let settings = Self.long + attention
        let records = try [1, 2, 3].map { threads in
            try workspace.run("threads-\(threads)", settings, threads: threads)
            return try workspace.record("threads-\(threads)")
        }
        records[1].expectEqual(records[0])
        records[2].expectEqual(records[0])
    }

    @Test(arguments: ["feed_forward", "layer"])
    func recomputationChangesNothing(_ recomputation: String) throws {
        let workspace = try Workspace()
        try workspace.run("kept", Self.long + Self.window)
        try workspace.run("again", Self.long + Self.window + ["training.recomputation=\(recomputation)"])
        let (kept, again) = (try workspace.record("kept"), try workspace.record("again"))
        #expect(kept.weights == again.weights)
        #expect(kept.metrics == again.metrics)
    }

    @Test func shortModelGoesOnWithLongDocuments() throws {
        let workspace = try Workspace()
        let learned = ["model.positions=learned", "model.maximum_positions=32", "model.attention_dropout=0"]
        try workspace.run("short", learned)
        let settings =
            Self.long + Self.window + ["model.positions=learned", "model.maximum_positions=320"]
        try workspace.run("long", settings, ["--from", "short"])
        #expect(workspace.steps("long").max() == 12)
        // The same command again goes on with the long run instead of starting over.
        let again = try workspace.run("long", settings, ["--from", "short"], expecting: 1)
        #expect(again.errors.contains("has finished its 12 steps") && !again.errors.contains("plays no part"))
        // The weights of a run of one step at no learning rate are those that were taken over.
        let still = settings + ["optimizer.peak_learning_rate=0", "optimizer.weight_decay=0", "training.steps=1"]
        try workspace.run("still", still, ["--from", "short"])
        let loss = try workspace.record("still").metrics.first.map { "\($0)" } ?? ""
        #expect(loss.contains("generator_loss"))
        // Weights that a run did not begin from are told to play no part, and its own are not moved from under it.
        let other = try workspace.run("still", still + ["training.steps=2"], ["--from", "long"])
        #expect(other.errors.contains("long/checkpoints") && other.errors.contains("plays no part"), "\(other.errors)")
        let own = try workspace.run("still", still, ["--from", "still", "--resume", "never"], expecting: 1)
        #expect(own.errors.contains("moved aside") && workspace.steps("still").max() == 2)
    }

    @Test func anExportTakesNoLongerTextsThanWereTrained() throws {
        let workspace = try Workspace()
        let learned = ["model.positions=learned", "model.maximum_positions=64", "training.steps=2"]
        try workspace.run("short", learned)
        try workspace.run("shorter", learned + ["corpus.sequence_length=16"], ["--from", "short"])
        for run in ["short", "shorter"] {
            let outcome = try workspace.pretrain("export", run, "--output", run + "-hf")
            #expect(outcome.status == 0, "\(outcome.errors)")
            let folder = run + "-hf/discriminator/"
            #expect(try workspace.folder.text(folder + "tokenizer_config.json").contains("\"model_max_length\" : 32"))
            #expect(try workspace.folder.text(folder + "config.json").contains("\"max_position_embeddings\" : 64"))
            #expect(try workspace.folder.text(folder + "README.md").contains("at most 32 tokens"))
        }
    }

    /// The checkpoint of a stage reads no longer texts than it has been trained on so far.
    @Test func aStageKnowsItsOwnLength() throws {
        let workspace = try Workspace()
        let stages = "training.stages=[{steps: 2, sequence_length: 8}]"
        try workspace.run("run", ["training.steps=4", "training.checkpoint_every=2", stages])
        try workspace.folder.write("a b c d e f g h\n", to: "text.txt")
        for (step, isCut) in [(2, true), (4, false)] {
            let outcome = try workspace.pretrain(
                "embed", "run/checkpoints/step-0000000\(step)", "--input", "text.txt", "--output", "v.npy", "--json")
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("\"truncated\":\(isCut ? 1 : 0)"), "\(outcome.output)")
        }
        #expect(try workspace.pretrain("report", "run", "--output", "report.html").status == 0)
    }

    @Test func rotaryBaseGrowsWithLength() throws {
        let workspace = try Workspace()
        try workspace.run("short")
        let outcome = try workspace.pretrain(
            "run", "tiny.yaml", "--output", "long", "--from", "short", "--threads", "1",
            "--set", "corpus.sequence_length=128", "--set", "training.steps=1")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("model.rotary_base is"))
        // 10000 · 4^(16/14).
        #expect(try workspace.folder.text("long/config.yaml").contains("rotary_base: 48761"))
    }

    @Test func anotherModelIsRefused() throws {
        let workspace = try Workspace()
        try workspace.run("short")
        let outcome = try workspace.run("wide", ["model.hidden_size=64"], ["--from", "short"], expecting: 1)
        #expect(outcome.errors.contains("cannot start from") && outcome.errors.contains("where the checkpoint has"))
        let missing = try workspace.run("none", [], ["--from", "nowhere"], expecting: 1)
        #expect(missing.errors.contains("nowhere"))
    }

    @Test func stagesGrowAndResumeBitForBit() throws {
        let workspace = try Workspace()
        let settings =
            Self.long + Self.window + [
                "training.checkpoint_every=3",
                "training.stages=[{steps: 6, sequence_length: 48, batch_size: 4},"
                    + "{steps: 3, sequence_length: 320, batch_size: 1}]",
            ]
        try workspace.run("whole", settings)
        let whole = try workspace.record("whole")
        // Steps of 4 × 48, then 1 × 320, then 2 × 320 tokens at most. The first stage ends with an evaluation, which is made up for
        // with its sequences where the run was killed before it.
        #expect(whole.metrics.count >= 12)
        for end in [3, 4, 6, 9] {
            let child = try workspace.start("parts", settings)
            try child.waitUntil { (workspace.steps("parts").max() ?? 0) >= end }
            child.send(SIGKILL)
            _ = try child.wait()
        }
        if workspace.steps("parts").max() != 12 { try workspace.run("parts", settings) }
        try workspace.record("parts").expectEqual(whole)
    }

    @Test func stagesThatShrinkAreRefused() throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            "no", ["training.stages=[{steps: 2, sequence_length: 64}]"], expecting: 1)
        #expect(outcome.errors.contains("corpus.sequence_length") && outcome.errors.contains("can only grow"))
        let long = try workspace.run("no", ["training.stages=[{steps: 21}]"], expecting: 1)
        #expect(long.errors.contains("more steps together than training.steps 20"))
    }
}
