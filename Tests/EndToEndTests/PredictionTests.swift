import Foundation
import TestSupport
import Testing

/// From a pretrained model to labels, by commands.
@Suite struct PredictionTests {
    @Test func predictionsOfAnyFileAndTheirSummary() throws {
        let workspace = try Workspace()
        try workspace.run("run", ["training.steps=2"])
        let rows = (0..<40).map { "{\"text\": \"word \($0) here\", \"label\": \"\($0 % 2 == 0 ? "even" : "odd")\"}" }
        try workspace.folder.write(rows.joined(separator: "\n"), to: "train.jsonl")
        let tuned = try workspace.pretrain(
            "finetune", "run", "--train", "train.jsonl", "--validation", "train.jsonl", "--output", "tuned", "--quiet",
            "--set", "training.epochs=1")
        #expect(tuned.status == 0, "\(tuned.errors)")

        let texts = rows.joined(separator: "\n")
        try workspace.folder.write(texts, to: "new.jsonl")
        Compressed.gzip(texts, to: workspace.path + "/new.jsonl.gz")
        for (data, ending) in [(Compressed.zstandard(texts), "zst"), (Compressed.lz4(texts), "lz4")] {
            try data.write(to: URL(fileURLWithPath: workspace.path + "/new.jsonl.\(ending)"))
        }
        let plain = try workspace.pretrain("predict", "tuned/seed-0", "--input", "new.jsonl", "--quiet")
        #expect(plain.status == 0 && plain.output.split(separator: "\n").count == 40, "\(plain.errors)")
        for ending in ["gz", "zst", "lz4"] {
            let packed = try workspace.pretrain("predict", "tuned/seed-0", "--input", "new.jsonl.\(ending)", "--quiet")
            #expect(packed.output == plain.output, "\(ending): \(packed.errors)")
        }

        // More than are labelled at a time, where all but the first are in another part.
        let several = (0..<8300).map { "{\"text\": \"word \($0 % 40) here\"}" }.joined(separator: "\n")
        try workspace.folder.write(several, to: "several.jsonl")
        let parts = try workspace.pretrain("predict", "tuned/seed-0", "--input", "several.jsonl", "--quiet")
        func said(_ output: String) throws -> [String] {
            struct Line: Decodable { var label: String }
            return try output.split(separator: "\n").map {
                try JSONDecoder().decode(Line.self, from: Data($0.utf8)).label
            }
        }
        let once = try said(plain.output)
        #expect(parts.status == 0, "\(parts.errors)")
        #expect(try said(parts.output) == (0..<8300).map { once[$0 % 40] })

        let table = "sentence\n" + (0..<40).map { "word \($0) here" }.joined(separator: "\n") + "\n"
        try workspace.folder.write(table, to: "new.csv")
        let refused = try workspace.pretrain("predict", "tuned/seed-0", "--input", "new.csv")
        #expect(refused.status == 1 && refused.errors.contains("--text-field") && !refused.errors.contains("set text"))
        let missing = try workspace.pretrain("predict", "tuned/seed-0", "--input", "none.csv")
        #expect(missing.status == 1 && missing.errors.contains("No such file") && !missing.errors.contains("corpus."))
        let summary = try workspace.pretrain(
            "predict", "tuned/seed-0", "--input", "new.csv", "--text-field", "sentence", "--output", "o", "--json")
        #expect(summary.status == 0, "\(summary.errors)")
        #expect(try workspace.folder.text("o") == plain.output)
        let report = try summary.json()
        let labels = try #require(report["labels"] as? [String: Int])
        #expect(Set(labels.keys) == ["even", "odd"] && labels.values.reduce(0, +) == 40)
        #expect(report["texts"] as? Int == 40 && report["output"] as? String == "o")
        #expect(report["truncated"] as? Int == 0)

        // In place of the predictions, where no file is named for these.
        let alone = try workspace.pretrain("predict", "tuned/seed-0", "--input", "new.jsonl", "--json").json()
        #expect(alone["labels"] as? [String: Int] == labels && alone["output"] == nil)
    }
}
