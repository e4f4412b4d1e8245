import Foundation
import TestSupport
import Testing

/// From a pretrained model to a classifier for Transformers, by commands.
@Suite struct ClassifierExportCommandTests {
    @Test func aFineTunedModelIsExportedAsAClassifier() throws {
        let workspace = try Workspace()
        try workspace.run("run", ["training.steps=1"])
        let rows = (0..<20).map { "{\"text\": \"word \($0)\", \"label\": \($0 % 3)}" }
        try workspace.folder.write(rows.joined(separator: "\n"), to: "train.jsonl")
        try workspace.folder.write(rows.prefix(6).joined(separator: "\n"), to: "test.jsonl")
        let tuned = try workspace.pretrain(
            "finetune", "run", "--train", "train.jsonl", "--validation", "train.jsonl", "--test", "test.jsonl",
            "--output", "tuned", "--quiet", "--set", "training.epochs=1")
        #expect(tuned.status == 0, "\(tuned.errors)")
        let exported = try workspace.pretrain("export", "tuned/seed-0", "--output", "e", "--json")
        #expect(exported.status == 0, "\(exported.errors)")
        let folders = try #require(try exported.json()["folders"] as? [[String: String]])
        #expect(folders == [["name": ".", "architecture": "PretrainForSequenceClassification"]])
        let configuration = try JSONSerialization.jsonObject(with: workspace.folder.data("e/config.json"))
        let names = (configuration as? [String: Any])?["id2label"] as? [String: String]
        #expect(names == ["0": "0", "1": "1", "2": "2"])
        let refused = try workspace.pretrain("export", "tuned/seed-0", "--output", "f", "--form", "electra")
        #expect(refused.status == 1 && refused.errors.contains("--form custom-code"), "\(refused.errors)")

        // The card says what the model was made of, as other programs count it.
        let card = try workspace.folder.text("e/README.md")
        for (file, use) in [("train", "train"), ("train", "validation"), ("test", "test")] {
            let sum = try Program.shell("sha256sum < \(file).jsonl", in: workspace.path).output.prefix(64)
            let size = try workspace.folder.data("\(file).jsonl").count
            #expect(card.contains("| `\(file).jsonl (\(use))` | 1 | \(size) | `\(sum)` |"), "\(card)")
        }
        let weights = try workspace.record("run").weights
        #expect(
            card.contains("began as those of the run \"run\" after step 1, weights of SHA-256 \(weights)."), "\(card)")
        let metrics = ["accuracy on validation texts", "accuracy on test texts"]
        #expect(metrics.allSatisfy { card.contains("| `\($0)` | ") } && !card.contains("| none |"), "\(card)")
        let scratch = try workspace.pretrain(
            "finetune", "run", "--train", "train.jsonl", "--validation", "train.jsonl", "--output", "scratch",
            "--quiet", "--set", "training.epochs=1", "--from-scratch")
        #expect(scratch.status == 0, "\(scratch.errors)")
        #expect(try workspace.pretrain("export", "scratch/seed-0", "--output", "s").status == 0)
        #expect(try !workspace.folder.text("s/README.md").contains("began as"))
    }

    /// No pipeline finds answers any more, so the card has the code.
    @Test func theCardOfAModelThatFindsAnswersSaysHow() throws {
        let workspace = try Workspace()
        try workspace.run("run", ["training.steps=1"])
        let rows = (0..<20).map { index in
            #"{"question": "what", "context": "the word \#(index)", "answers": "#
                + (index % 4 == 0 ? "[]}" : #"[{"text": "word", "start": 4}]}"#)
        }
        try workspace.folder.write(rows.joined(separator: "\n"), to: "train.jsonl")
        let tuned = try workspace.pretrain(
            "finetune", "run", "--train", "train.jsonl", "--validation", "train.jsonl", "--output", "tuned", "--quiet",
            "--set", "training.epochs=1", "--set", "kind=span", "--set", "longest_answer=7")
        #expect(tuned.status == 0, "\(tuned.errors)")
        #expect(try workspace.pretrain("export", "tuned/seed-0", "--output", "e").status == 0)
        let card = try workspace.folder.text("e/README.md")
        for part in [
            "return_overflowing_tokens=True", "max_length=32, stride=8", "i <= j < i + 7]",
            "if score >= none else \"\"",
        ] {
            #expect(card.contains(part), "\(part)")
        }
        #expect(!card.contains("pipeline(") && !card.contains("`question-answering` pipeline"))
    }

    @Test func aPartOfAnEncoderIsExportedOrRefused() throws {
        let workspace = try Workspace()
        try workspace.run("run", ["training.steps=1"])
        let rows = (0..<20).map { "{\"text\": \"word \($0)\", \"label\": \($0 % 3)}" }
        try workspace.folder.write(rows.joined(separator: "\n"), to: "train.jsonl")
        func tune(_ output: String, _ arguments: String...) throws -> Program.Outcome {
            try Program.run(
                ["finetune", "run", "--train", "train.jsonl", "--validation", "train.jsonl", "--output", output]
                    + ["--quiet", "--set", "training.epochs=1"] + arguments, in: workspace.path)
        }
        let chosen = try tune("auto", "--layers", "auto", "--json")
        #expect(chosen.status == 0, "\(chosen.errors)")
        let choice = try #require(try chosen.json()["layer_choice"] as? [String: Any])
        #expect((choice["variability"] as? [Any])?.count == 2 && (1...2).contains(choice["layers"] as? Int ?? 0))

        #expect(try tune("one", "--layers", "1").status == 0)
        #expect(try workspace.pretrain("export", "one/seed-0", "--output", "e").status == 0)
        let configuration = try JSONSerialization.jsonObject(with: workspace.folder.data("e/config.json"))
        let found = try #require(configuration as? [String: Any])
        #expect(found["num_hidden_layers"] as? Int == 1 && (found["norm_forms"] as? [Any])?.count == 1)
        let many = try tune("three", "--layers", "3")
        #expect(many.status == 1 && many.errors.contains("training.layers"), "\(many.errors)")

        #expect(try tune("adapted", "--set", "training.adapter_size=8").status == 0)
        let refused = try workspace.pretrain("export", "adapted/seed-0", "--output", "f")
        #expect(refused.status == 1 && refused.errors.contains("adapters"), "\(refused.errors)")
        let unnamed = try workspace.pretrain("predict", "adapted", "--input", "train.jsonl")
        #expect(unnamed.status == 1 && unnamed.errors.contains("adapted/seed-0"), "\(unnamed.errors)")
    }

    @Test func vectorsAreEmbeddedAndExportedForSentenceTransformers() throws {
        let workspace = try Workspace()
        try workspace.run("run", ["training.steps=1"])
        let rows = (0..<20).map { "{\"text\": \"word \($0)\", \"text_pair\": \"\($0) words\"}" }
        try workspace.folder.write(rows.joined(separator: "\n"), to: "pairs.jsonl")
        try workspace.folder.write("word 1\n\nanother word\n", to: "texts.txt")
        let tuned = try workspace.pretrain(
            "finetune", "run", "--set", "kind=contrastive", "--train", "pairs.jsonl", "--validation", "pairs.jsonl",
            "--output",
            "tuned", "--quiet", "--set", "training.epochs=1", "--json")
        #expect(tuned.status == 0, "\(tuned.errors)")
        #expect(try tuned.json()["metric"] as? String == "reciprocal_rank")
        let embedded = try workspace.pretrain(
            "embed", "tuned/seed-0", "--input", "texts.txt", "--output", "vectors.npy", "--json")
        #expect(embedded.status == 0, "\(embedded.errors)")
        let shape = try #require(try embedded.json()["shape"] as? [Int])
        // An empty line is a text too, so that rows are lines.
        #expect(shape.count == 2 && shape[0] == 3)
        #expect(try workspace.folder.data("vectors.npy").count % 64 == shape[0] * shape[1] * 4 % 64)
        let other = try workspace.pretrain(
            "embed", "tuned/seed-0", "--input", "texts.txt", "--output", "v.npy", "--pooling", "first")
        #expect(other.status != 0 && other.errors.contains("with mean pooling"), "\(other.errors)")

        let exported = try workspace.pretrain("export", "tuned/seed-0", "--output", "e", "--json")
        #expect(exported.status == 0, "\(exported.errors)")
        let folders = try #require(try exported.json()["folders"] as? [[String: String]])
        #expect(folders == [["name": ".", "architecture": "PretrainModel"]])
        func file(_ name: String) throws -> Any {
            try JSONSerialization.jsonObject(with: workspace.folder.data("e/\(name)"))
        }
        let modules = try #require(try file("modules.json") as? [[String: Any]])
        #expect(modules.map { $0["path"] as? String } == ["", "1_Pooling", "2_Normalize"])
        let pooling = try #require(try file("1_Pooling/config.json") as? [String: Any])
        #expect(
            pooling["pooling_mode_mean_tokens"] as? Bool == true && pooling["pooling_mode_cls_token"] as? Bool == false)
        #expect(pooling["word_embedding_dimension"] as? Int == shape[1])
        let length = try #require(try file("sentence_bert_config.json") as? [String: Any])["max_seq_length"] as? Int
        let tokenizer = try #require(try file("tokenizer_config.json") as? [String: Any])
        #expect(length != nil && length == tokenizer["model_max_length"] as? Int)
        // And as any other folder it goes back in.
        let imported = try workspace.pretrain("import", "e", "--output", "again", "--json")
        #expect(imported.status == 0, "\(imported.errors)")
    }
}
