import Foundation
import TestSupport
import Testing

/// Recipes from outside: interruptions, generators of other runs, replaced text of other models.
@Suite struct RecipeRunTests {
    static let common = ["model.embedding_size=32", "training.steps=12", "training.checkpoint_every=4"]
    static let recipes: [String: [String]] = [
        "metro": [
            "objective.name=metro", "model.embedding_sharing=token_only", "optimizer.separate=true",
            "optimizer.kind=sage",
        ],
        "coco": ["objective.name=coco_lm", "training.chunk_tokens=128"],
        "deberta": [
            "model.embedding_sharing=disentangled", "model.detection_head=with_cls", "optimizer.separate=true",
        ],
        "shared": ["optimizer.separate=true", "optimizer.generator.peak_learning_rate=5e-4"],
        "mlm": ["objective.name=masked_language_model"],
        "replace": ["objective.name=replace_mlm", "objective.corrective_weight=2"],
        "all": ["objective.name=all_tokens_mlm", "model.detection_head=linear"],
        "random": ["objective.replacements=random", "objective.detected_tokens=masked"],
        "modern": [
            "objective.name=metro", "model.relative_bias.sharing=per_layer", "model.positions=none",
            "model.feed_forward=geglu", "model.normalization.kind=rms_norm", "model.biases=false",
            "model.generator.tied_output=false", "model.initialization.zero_detection_output=true",
            "model.embedding_sharing=separate", "optimizer.separate=true",
        ],
    ]

    @Test(arguments: recipes.keys.sorted())
    func resumedRunsEndAsIfNothingHadHappened(_ name: String) throws {
        let workspace = try Workspace()
        let settings = Self.common + (Self.recipes[name] ?? [])
        try workspace.run("whole", settings, threads: 1)
        let whole = try workspace.record("whole")
        try workspace.run("parts", settings, threads: 2)
        // As after a kill: the last checkpoint is gone.
        try FileManager.default.removeItem(atPath: "\(workspace.path)/\(workspace.checkpoint("parts", 12))")
        try workspace.run("parts", settings, threads: 2)
        try workspace.record("parts").expectEqual(whole)
    }

    @Test func frozenGeneratorsAreTakenCachedAndKept() throws {
        let workspace = try Workspace()
        try workspace.run("electra", Self.common)
        let settings =
            Self.common + [
                "objective.replacements=frozen", "objective.frozen_generator.checkpoint=electra",
                "objective.frozen_generator.temperature=2", "model.embedding_sharing=disentangled",
                "tokenizer.path=electra/tokenizer.json",
            ]
        try workspace.run("plain", settings)
        let plain = try workspace.record("plain")
        let cached = settings + ["objective.frozen_generator.cache=samples"]
        for output in ["writes", "reads"] {
            try workspace.run(output, cached)
            try workspace.record(output).expectEqual(plain, ignoring: ["config.yaml.lz4"])
        }
        #expect(workspace.folder.exists("samples"))
        // Tokens that are not those that were written are not taken: the first of the first record's, behind 18 bytes of
        // signature and 24 of the record.
        var samples = try workspace.folder.data("samples")
        samples[42] ^= 1
        try workspace.folder.write(samples, to: "samples")
        try workspace.run("spoiled", cached)
        try workspace.record("spoiled").expectEqual(plain, ignoring: ["config.yaml.lz4"])
        // The generator is the other run's, to the bit: what it says of masked text is the same.
        let theirs = try workspace.pretrain("evaluate", "electra", "--json").json()
        let ours = try workspace.pretrain("evaluate", "plain", "--json").json()
        #expect(theirs["generator_loss"] as? Double == ours["generator_loss"] as? Double)
        // It has moved into the checkpoint: the run goes on without the other one.
        try FileManager.default.removeItem(atPath: "\(workspace.path)/electra/checkpoints")
        try FileManager.default.removeItem(atPath: "\(workspace.path)/\(workspace.checkpoint("plain", 12))")
        try workspace.run("plain", settings)
        try workspace.record("plain").expectEqual(plain)
    }

    @Test func unusableGeneratorsAreRefused() throws {
        let workspace = try Workspace()
        try workspace.run("electra", Self.common)
        let frozen = [
            "objective.replacements=frozen", "objective.frozen_generator.checkpoint=electra",
            "model.embedding_sharing=separate",
        ]
        let sizes = try workspace.run(
            "sizes", frozen + ["tokenizer.path=electra/tokenizer.json"], expecting: 1)
        #expect(sizes.errors.contains("shape"))
        let tokenizer = try workspace.run("other", frozen + ["tokenizer.vocabulary_size=300"], expecting: 1)
        #expect(tokenizer.errors.contains("tokenizer"))
        // Its first layer alone has the right shape, and is no language model.
        let layers = try workspace.run(
            "layers",
            Self.common + frozen + ["tokenizer.path=electra/tokenizer.json", "model.generator.layer_count=1"],
            expecting: 1)
        #expect(layers.errors.contains("layers"), "\(layers.errors)")
    }

    @Test("Fewer steps than were taken are refused, and the run stays what it was") func fewerSteps() throws {
        let workspace = try Workspace()
        try workspace.run("run", ["training.steps=4"])
        let paths = ["run/config.yaml", "run/journal.jsonl", "run/metrics.jsonl"]
        let before = try paths.map { try workspace.folder.text($0) }
        let refused = try workspace.run("run", ["training.steps=2"], expecting: 1)
        #expect(refused.errors.contains("training.steps"), "\(refused.errors)")
        #expect(try paths.map { try workspace.folder.text($0) } == before)
    }

    @Test func modelsAreComparedOnTheSameReplacedText() throws {
        let workspace = try Workspace()
        try workspace.run("electra", Self.common)
        let tokenizer = ["tokenizer.path=electra/tokenizer.json"]
        try workspace.run("random", Self.common + tokenizer + ["objective.replacements=random"])
        let own = try workspace.pretrain("evaluate", "electra", "--json").json()
        let judged = try workspace.pretrain("evaluate", "random", "--corruption-from", "electra", "--json").json()
        #expect(own["replaced_fraction"] as? Double == judged["replaced_fraction"] as? Double)
        #expect((judged["corruption_from"] as? String)?.hasPrefix("electra") == true)
        #expect(judged["generator_loss"] == nil && judged["discriminator_auc"] != nil)
        try workspace.run("mlm", Self.common + tokenizer + ["objective.name=masked_language_model"])
        let refused = try workspace.pretrain("evaluate", "electra", "--corruption-from", "mlm")
        #expect(refused.status != 0 && refused.errors.contains("replaces no tokens"))
        let detects = try workspace.pretrain("detect", "mlm", input: "text\n")
        #expect(detects.status != 0 && detects.errors.contains("detects nothing"))
    }
}
