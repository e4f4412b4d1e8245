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
        let tuned = try workspace.pretrain(
            "finetune", "run", "--train", "train.jsonl", "--validation", "train.jsonl", "--output", "tuned", "--quiet",
            "--set", "training.epochs=1")
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
    }
}
