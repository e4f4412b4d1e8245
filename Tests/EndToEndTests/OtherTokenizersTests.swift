import Foundation
import TestSupport
import Testing

/// Runs with a WordPiece and a Unigram, and a new vocabulary on old weights.
@Suite struct OtherTokenizersTests {
    let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        let letters = "abcdefghijklmnopqrstuvwxyz".map(String.init)
        let words = ["the", "miller", "boat", "river", "watches", "carries", "bridge", "stones", "fog"]
        let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        // Without full stops, which are unknown then.
        let pieces = special + letters + letters.map { "##" + $0 } + words + ["##er", "##ing", "##es"]
        try workspace.folder.write(pieces.joined(separator: "\n") + "\n", to: "bert/vocab.txt")
        try workspace.folder.write(#"{"do_lower_case": true}"#, to: "bert/tokenizer_config.json")
        let scored =
            ["<s>", "<pad>", "</s>", "<unk>"].map { "[\"\($0)\", 0]" }
            + (letters + ["▁"] + words.map { "▁" + $0 } + [".", "<mask>"]).map { "[\"\($0)\", -\($0.count)]" }
        let added = ["<s>", "<pad>", "</s>", "<unk>"].enumerated().map { ($0, $1) } + [(scored.count - 1, "<mask>")]
        let tokens = added.map { #"{"id": \#($0.0), "content": "\#($0.1)", "special": true, "normalized": false}"# }
        try workspace.folder.write(
            #"{"added_tokens": [\#(tokens.joined(separator: ", "))], "normalizer": {"type": "Lowercase"}, "#
                + #""pre_tokenizer": {"type": "Metaspace"}, "decoder": {"type": "Metaspace"}, "#
                + #""post_processor": {"type": "RobertaProcessing", "cls": ["<s>", 0], "sep": ["</s>", 2]}, "#
                + #""model": {"type": "Unigram", "unk_id": 3, "vocab": [\#(scored.joined(separator: ", "))]}}"#,
            to: "unigram/tokenizer.json")
    }

    @Test(
        "A run, its evaluation, detection and export take any tokenizer", arguments: ["bert", "unigram/tokenizer.json"])
    func run(_ path: String) throws {
        let settings = [
            "tokenizer.path=\(path)", "training.steps=10", "model.positions=learned", "model.maximum_positions=32",
            "model.normalization.placement=post",
        ]
        let outcome = try workspace.run("run", settings)
        #expect(outcome.errors.contains("unknown token") == (path == "bert") || outcome.errors.isEmpty)
        let losses = try workspace.record("run").metrics.joined()
        #expect(losses.contains("generator_loss"))
        let loud = try workspace.pretrain("evaluate", "run")
        #expect(loud.status == 0 && loud.errors.contains("unknown token") == (path == "bert"), "\(loud.errors)")

        // The text itself, with its spaces and capital letters, whatever the tokenizer leaves of them.
        let line = "The  Miller watches 7 boats"
        let shown = try workspace.pretrain("detect", "run", input: line + "\n")
        #expect(shown.status == 0, "\(shown.errors)")
        let plain = shown.output.replacing(#/\[(.+?) [01]\.[0-9]{2}\]/#) { $0.output.1 }
        #expect(plain == line + "\n")
        let detected = try workspace.pretrain("detect", "run", "--json", input: line + "\n").json()
        let tokens = try #require(detected["tokens"] as? [String])
        let offsets = try #require(detected["offsets"] as? [[Int]])
        #expect(tokens.count == offsets.count && offsets.first == [0, 0] && offsets.last == [0, 0])
        let miller = try #require(tokens.firstIndex { $0.hasSuffix("miller") })
        let characters = Array(line)
        #expect(String(characters[offsets[miller][0]..<offsets[miller][1]]).hasSuffix("Miller"))

        let exported = try workspace.pretrain("export", "run", "--output", "exported")
        #expect(exported.status == 0, "\(exported.errors)")
        let written = try workspace.folder.data("exported/discriminator/tokenizer.json")
        let kept = try workspace.folder.data("run/tokenizer.json")
        if path == "bert" {
            #expect(written == kept)
        } else {
            // Written back byte for byte; but pairs are what models here read, which RoBERTa's are not.
            #expect(try kept == workspace.folder.data(path))
            #expect(written != kept)
            func others(_ json: Data) throws -> NSDictionary? {
                var object = try JSONSerialization.jsonObject(with: json) as? [String: Any]
                object?["post_processor"] = nil
                return object.map { $0 as NSDictionary }
            }
            #expect(try others(written) == others(kept))
        }
        // The same command again finds the same tokenizer.
        let again = try workspace.run("run", settings, expecting: 1)
        #expect(again.errors.contains("has finished its 10 steps"), "\(again.errors)")
    }

    @Test func encodingTellsUnknownTokensAndOffsets() throws {
        let encoded = try workspace.pretrain("tokenizer", "encode", "bert", "--json", input: "Miller, é\n")
        let object = try encoded.json()
        #expect(object["tokens"] as? [String] == ["miller", "[UNK]", "e"])
        #expect(object["offsets"] as? [[Int]] == [[0, 6], [6, 7], [8, 9]])
        #expect(encoded.errors.contains("1 of 3 tokens are [UNK]"))
        let ids = try workspace.pretrain("tokenizer", "encode", "bert", input: "the millers\n")
        let decoded = try workspace.pretrain("tokenizer", "decode", "bert", input: ids.output)
        #expect(decoded.output == "the millers\n" && ids.errors.isEmpty)
    }

    @Test func newVocabularyOnOldWeights() throws {
        try workspace.run("old")
        let settings = ["training.steps=1", "optimizer.peak_learning_rate=0", "optimizer.weight_decay=0"]
        let arguments = workspace.arguments("new", settings, ["--from", "old", "--tokenizer", "bert"])
        let outcome = try Program.run(arguments.filter { $0 != "--quiet" }, in: workspace.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("the vocabulary is new: of 69 tokens") && outcome.errors.contains("5 special"))
        #expect(try workspace.folder.text("new/config.yaml").contains("path: bert"))
        // Neither the old model, whose words it has lost, nor one from chance.
        func loss(_ run: String) throws -> Double {
            try #require(try workspace.pretrain("evaluate", run, "--json").json()["generator_loss"] as? Double)
        }
        let fresh = settings + ["tokenizer.path=bert"]
        try workspace.run("fresh", fresh)
        let (kept, chance) = (try loss("new"), try loss("fresh"))
        #expect(kept.isFinite && chance.isFinite && kept != chance)
        // Refused without a checkpoint, and another tokenizer without being asked for.
        let alone = try workspace.run("alone", settings, ["--tokenizer", "bert"], expecting: nil)
        #expect(alone.status != 0 && alone.errors.contains("--from"))
        let changed = try workspace.run("changed", fresh, ["--from", "old"], expecting: 1)
        #expect(changed.errors.contains("not the tokenizer"))
    }
}
