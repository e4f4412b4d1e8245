import Foundation
import TestSupport
import Testing

/// Released weights as a start: everything that takes a checkpoint takes what was imported.
@Suite struct ImportTests {
    /// Sizes that ELECTRA's classes have, which the workspace's model does not.
    private static let electra = [
        "model.positions=learned", "model.maximum_positions=64", "model.normalization.placement=post",
        "model.dropout=0", "model.attention_dropout=0",
    ]

    /// A run, its export, and what the folder becomes again.
    private func exported(_ settings: [String] = []) throws -> Workspace {
        let workspace = try Workspace()
        try workspace.run("run", Self.electra + ["training.steps=60", "training.evaluate_every=60"] + settings)
        let export = try workspace.pretrain(
            "export", "run", "--output", "hf", "--license", "apache-2.0", "--language", "no")
        #expect(export.status == 0, "\(export.errors)")
        let card = try workspace.folder.text("hf/discriminator/README.md")
        #expect(card.contains("license: apache-2.0\n") && card.contains("language:\n- \"no\"\n"))
        return workspace
    }

    private func losses(_ workspace: Workspace, _ output: String) throws -> [Double] {
        try workspace.folder.text("\(output)/metrics.jsonl").split(separator: "\n").compactMap { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return object?["evaluation"] == nil ? object?["loss"] as? Double : nil
        }
    }

    private func rates(_ workspace: Workspace, _ output: String) throws -> [Double] {
        try workspace.folder.text("\(output)/metrics.jsonl").split(separator: "\n").compactMap { line in
            (try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["learning_rate"] as? Double
        }
    }

    @Test func pretrainingGoesOnWhereItWas() throws {
        let workspace = try exported()
        let before = try losses(workspace, "run")
        let last = before.suffix(5).reduce(0, +) / 5
        #expect(last < 0.9 * before[0])
        // No shape is given: it is the folder's.
        let config =
            "tokenizer: {}\ncorpus: {sources: [{path: corpus}], sequence_length: 32, held_out: 0.05}\n"
            + "optimizer: {peak_learning_rate: 1e-4, warmup_steps: 10}\n"
            + "training: {steps: 15, batch_size: 8, log_every: 1, checkpoint_every: 5}\nevaluation: {tokens: 300, samples: 0}\n"
        try workspace.folder.write(config, to: "more.yaml")
        let outcome = try workspace.pretrain("run", "more.yaml", "--from", "hf", "--output", "more", "--threads", "2")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("0 made anew, 0 left"))
        let after = try losses(workspace, "more")
        #expect(after.count == 15)
        // It neither jumps nor starts over: nearer to where it was than to where it began.
        #expect(after.prefix(5).reduce(0, +) / 5 < (last + before[0]) / 2)
        #expect(abs(after.reduce(0, +) / 15 - last) < 0.1 * last)
        #expect(try rates(workspace, "more").prefix(3).map { ($0 * 1e6).rounded() } == [10, 20, 30])

        // The same by way of a checkpoint, bit for bit, and resumed by the same command.
        let imported = try workspace.pretrain("import", "hf", "--output", "imported")
        #expect(imported.status == 0, "\(imported.errors)")
        let same = try workspace.pretrain(
            "run", "more.yaml", "--from", "imported", "--output", "same", "--threads", "1")
        #expect(same.status == 0, "\(same.errors)")
        #expect(try workspace.record("same").weights == workspace.record("more").weights)
        // And by way of the run itself: nothing was lost on the way out and in.
        let direct = try workspace.pretrain("run", "more.yaml", "--from", "run", "--output", "direct", "--threads", "1")
        #expect(direct.status == 0, "\(direct.errors)")
        #expect(try workspace.record("direct").weights == workspace.record("more").weights)
        let again = try workspace.pretrain("run", "more.yaml", "--from", "hf", "--output", "more")
        #expect(again.status == 1 && again.errors.contains("has finished its 15 steps"))
        let plain = try workspace.pretrain(
            "run", "more.yaml", "--from", "imported", "--output", "plain", "--no-rewarm", "--set", "training.steps=2")
        #expect(plain.status == 0, "\(plain.errors)")
        // From the peak on, which is only reached right before the first step.
        #expect(try rates(workspace, "plain").map { ($0 * 1e6).rounded() } == [67, 33])
    }

    @Test func importedModelsAreCheckpoints() throws {
        let workspace = try exported()
        let outcome = try workspace.pretrain(
            "import", "hf", "--output", "imported", "--json", "--set", "corpus.sequence_length=32", "--set",
            "training.batch_size=8")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let report = try outcome.json()
        let tensors = try #require(report["tensors"] as? [String: Any])
        #expect((tensors["taken"] as? [Any])?.count ?? 0 > 60)
        #expect((tensors["made"] as? [Any])?.isEmpty == true && (tensors["left"] as? [Any])?.isEmpty == true)
        // Evaluated, it is the model that was exported.
        let results = try ["run", "imported"].map { path -> String in
            let outcome = try workspace.pretrain("evaluate", path, "--corpus", "corpus", "--tokens", "2000", "--json")
            #expect(outcome.status == 0, "\(outcome.errors)")
            return try ["generator_loss", "discriminator_loss"].map { "\(try outcome.json()[$0] ?? "")" }.joined(
                separator: " ")
        }
        #expect(results[0] == results[1])
        let export = try workspace.pretrain("export", "imported", "--output", "hf2")
        #expect(export.status == 0, "\(export.errors)")
        let difference = try Program.shell("diff -r hf hf2", in: workspace.path)
        #expect(difference.status == 0, "\(difference.output)")
        let card = try workspace.folder.text("hf2/discriminator/README.md")
        for part in [
            "license: apache-2.0", "`corpus` | 4 |", "| `optimizer.peak_learning_rate` | 0.001 |", "discriminator auc",
        ] {
            #expect(card.contains(part), "\(part)")
        }

        let rows = (0..<60).map {
            #"{"text": "\#($0 % 2 == 0 ? "a small boat" : "the old clock") \#($0)", "label": "\#($0 % 2)"}"#
        }
        try workspace.folder.write(rows.joined(separator: "\n") + "\n", to: "train.jsonl")
        let tuned = try workspace.pretrain(
            "finetune", "imported", "--train", "train.jsonl", "--output", "tuned", "--set", "training.epochs=1",
            "--quiet")
        #expect(tuned.status == 0, "\(tuned.errors)")
        let classifier = try workspace.pretrain(
            "export", "tuned/seed-0", "--output", "classifier", "--dtype", "bfloat16")
        #expect(classifier.status == 0, "\(classifier.errors)")
        #expect(try workspace.folder.text("classifier/config.json").contains("bfloat16"))
        // A fine-tuned folder's encoder is a start too; its head is left.
        let encoder = try workspace.pretrain("import", "classifier", "--output", "again")
        #expect(encoder.status == 0 && encoder.output.contains("a head of another task"), "\(encoder.errors)")
    }

    /// BERT, on and on: what predicts masked tokens is in the folder, and a run goes on with it.
    @Test(arguments: [("electra", "ElectraForMaskedLM"), ("custom-code", "PretrainForMaskedLM")])
    func theHeadOfAMaskedLanguageModelGoesOutAndIn(_ form: String, _ architecture: String) throws {
        let workspace = try Workspace()
        let masked = ["objective.name=masked_language_model"]
        try workspace.run("run", Self.electra + masked + ["training.steps=60", "training.evaluate_every=60"])
        let export = try workspace.pretrain("export", "run", "--output", "hf", "--form", form, "--json")
        #expect(export.status == 0, "\(export.errors)")
        let folders = try #require(try export.json()["folders"] as? [[String: String]])
        #expect(folders == [["name": "discriminator", "architecture": architecture]])
        let imported = try workspace.pretrain(
            "import", "hf", "--output", "imported", "--json", "--set", "corpus.sequence_length=32")
        #expect(imported.status == 0, "\(imported.errors)")
        let tensors = try #require(try imported.json()["tensors"] as? [String: Any])
        #expect((tensors["made"] as? [Any])?.isEmpty == true && (tensors["left"] as? [Any])?.isEmpty == true)
        let filled = try ["run", "imported"].map { path -> String in
            let outcome = try workspace.pretrain("fill", path, "--json", input: "a [MASK] of it\n")
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.output
        }
        #expect(filled[0] == filled[1] && filled[0].contains("probability"))
        let again = try workspace.pretrain("export", "imported", "--output", "hf2", "--form", form)
        #expect(again.status == 0, "\(again.errors)")
        let difference = try Program.shell("diff -r hf hf2", in: workspace.path)
        #expect(difference.status == 0, "\(difference.output)")

        try workspace.run("more", Self.electra + masked + ["training.steps=5"], ["--from", "hf"])
        let before = try losses(workspace, "run")
        let last = before.suffix(5).reduce(0, +) / 5
        #expect(try losses(workspace, "more").reduce(0, +) / 5 < (before[0] + last) / 2)
    }

    @Test func whatIsMissingIsMadeAnewAndSaid() throws {
        let workspace = try exported()
        let outcome = try workspace.pretrain("import", "hf/discriminator", "--output", "alone")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let run = try workspace.pretrain(
            "run", "--from", "alone", "--output", "new", "--set", "corpus.sources=[{path: corpus}]", "--set",
            "training.steps=2", "--set", "training.batch_size=4", "--set", "corpus.sequence_length=32", "--set",
            "model.generator.head_count=1")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.contains("made anew, since ") && run.errors.contains("generator ("))
        let evaluation = try workspace.pretrain("evaluate", "alone")
        #expect(evaluation.status == 1 && evaluation.errors.contains("--corpus"))
        let resumed = try workspace.pretrain("run", "tiny.yaml", "--output", "alone")
        #expect(resumed.status == 1 && resumed.errors.contains("--from"))
        let direct = try workspace.pretrain("evaluate", "hf/discriminator", "--corpus", "corpus")
        #expect(direct.status == 1 && direct.errors.contains("pretrain import"))
        for arguments in [
            ["--no-rewarm"], ["--from-generator", "hf/generator"], ["--from", "alone", "--from-generator", "x"],
        ] {
            let wrong = try Program.run(["run", "tiny.yaml", "--output", "wrong"] + arguments, in: workspace.path)
            #expect(wrong.status == 64, "\(wrong.errors)")
        }
    }

    /// Early versions of sentence-transformers put the encoder into a folder of its own.
    @Test func theEncoderWithinAFolderOfSentencesIsFound() throws {
        let workspace = try exported()
        let modules =
            #"[{"idx": 0, "name": "0", "path": "0_Transformer", "type": "sentence_transformers.models.Transformer"}]"#
        try workspace.folder.write(modules, to: "sentences/modules.json")
        #expect(try workspace.pretrain("import", "hf/discriminator", "--output", "plain").status == 0)
        try workspace.folder.move("hf/discriminator", to: "sentences/0_Transformer")
        let outcome = try workspace.pretrain("import", "sentences", "--output", "nested")
        #expect(outcome.status == 0, "\(outcome.errors)")
        for name in ["plain", "nested"] {
            let export = try workspace.pretrain("export", name, "--output", "\(name)-hf")
            #expect(export.status == 0, "\(export.errors)")
        }
        let file = "discriminator/model.safetensors"
        #expect(try workspace.folder.data("nested-hf/\(file)") == workspace.folder.data("plain-hf/\(file)"))
        let run = try workspace.pretrain(
            "run", "--from", "sentences", "--output", "new", "--set", "corpus.sources=[{path: corpus}]", "--set",
            "training.steps=2", "--set", "training.batch_size=4", "--set", "corpus.sequence_length=32", "--set",
            "model.generator.head_count=1")
        #expect(run.status == 0, "\(run.errors)")
    }

    /// What is computed from weights is computed before the first step: numbers of 16 bits, and sums of tables.
    @Test func derivedWeightsAreThoseOfTheStart() throws {
        let workspace = try exported()
        func first(_ output: String, _ settings: [String]) throws -> Double {
            let all = Self.electra + ["training.steps=1", "training.evaluate_every=1"] + settings
            try workspace.run(output, all, ["--from", "hf"])
            return try #require(losses(workspace, output).first)
        }
        let plain = try first("plain", [])
        #expect(abs(try first("rounded", ["training.precision=bfloat16"]) - plain) < 0.02 * plain)
        // The differences start at 0.
        #expect(try first("apart", ["model.embedding_sharing=disentangled"]) == plain)
        #expect(try first("separate", ["model.embedding_sharing=separate"]) == plain)
    }

    @Test func classifiersWithCodeAreAStart() throws {
        let workspace = try Workspace()
        try workspace.run("run", ["training.steps=2"])
        let rows = (0..<40).map { #"{"text": "a small boat \#($0)", "label": "\#($0 % 2)"}"# }
        try workspace.folder.write(rows.joined(separator: "\n") + "\n", to: "train.jsonl")
        let tuned = try workspace.pretrain(
            "finetune", "run", "--train", "train.jsonl", "--output", "tuned", "--set", "training.epochs=1", "--quiet")
        #expect(tuned.status == 0, "\(tuned.errors)")
        #expect(try workspace.pretrain("export", "tuned/seed-0", "--output", "classifier").status == 0)
        let imported = try workspace.pretrain("import", "classifier", "--output", "again", "--json")
        #expect(imported.status == 0, "\(imported.errors)")
        let tensors = try #require(imported.json()["tensors"] as? [String: Any])
        let left = try #require(tensors["left"] as? [[String: Any]])
        #expect(left.count == 4 && left.allSatisfy { ($0["name"] as? String)?.hasPrefix("classifier.") == true })
    }

    @Test func foldersThatMeanHarmAreTold() throws {
        let workspace = try Workspace()
        try workspace.folder.write("{}", to: "bad/config.json")
        try workspace.folder.write("{}", to: "bad/tokenizer.json")
        let start = ContinuousClock.now
        for path in ["bad", "nowhere", "corpus"] {
            let outcome = try workspace.pretrain("import", path, "--output", "out")
            #expect(outcome.status == 1 && !outcome.errors.isEmpty && !outcome.wasKilled, "\(path)")
        }
        #expect(start.duration(to: .now) < .seconds(3))
        #expect(!workspace.folder.exists("out"))
        let miniature = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("InterchangeTests/Fixtures/import/bert").path
        let wide = try workspace.pretrain("import", miniature, "--output", "out", "--set", "model.hidden_size=32")
        #expect(wide.status == 1 && wide.errors.contains("model.hidden_size is 16 in the weights"))
        let license = try workspace.pretrain("export", "nowhere", "--output", "x", "--license", "mit\nevil: true")
        #expect(license.status == 64)
    }
}
