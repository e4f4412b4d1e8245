import Checkpoints
import Foundation
import TestSupport
import Testing

/// Fine-tuning neither judges nor saves numbers that are not finite.
@Suite struct FineTuningNonFiniteTests {
    private func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try workspace.run("model", ["training.steps=2", "training.checkpoint_every=2"])
        for (name, count) in [("train", 64), ("dev", 16)] {
            var random = SplitMix64(seed: UInt64(count))
            let lines = (0..<count).map {
                #"{"text": "\#(SyntheticText.sentence(&random))", "label": "\#($0 % 2 == 0 ? "a" : "b")"}"#
            }
            try workspace.folder.write(lines.joined(separator: "\n"), to: "\(name).jsonl")
        }
        return workspace
    }

    private func arguments(epochs: Int, _ more: [String] = []) -> [String] {
        let settings = ["training.epochs=\(epochs)", "training.batch_size=8", "training.maximum_length=16"] + more
        return ["finetune", "model", "--train", "train.jsonl", "--validation", "dev.jsonl", "--output", "tuned"]
            + ["--threads", "1", "--quiet"] + settings.flatMap { ["--set", $0] }
    }

    @Test(
        "Planted in a checkpoint, it is named and not saved",
        arguments: [(TensorGroup.weights, Float.nan), ("first_moments", .nan), ("second_moments", .infinity)])
    func planted(_ group: String, _ value: Float) throws {
        let workspace = try workspace()
        let tensor = "discriminator.layers.1.feed_forward.input.bias"
        // Ended by hand, as a finished one has nothing left to go on with.
        let child = try Program.start(arguments(epochs: 200), in: workspace.path)
        try child.waitUntil {
            (try? workspace.folder.text("tuned/seed-0/metrics.jsonl"))?.contains("\"step\":9,") ?? false
        }
        child.send(SIGTERM)
        #expect(try child.wait().status == 75)
        let step = try #require(workspace.steps("tuned/seed-0").max())
        try workspace.rewrite("tuned/seed-0", step: step) { name, view in
            if name == group, view.name == tensor { view.elements[3] = value }
        }
        let outcome = try Program.run(arguments(epochs: 200), in: workspace.path)
        #expect(outcome.status == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("\(tensor), element "), "\(outcome.errors)")
        #expect(outcome.errors.contains("is not finite"), "\(outcome.errors)")
        #expect(workspace.steps("tuned/seed-0").max() == step)
    }

    @Test("Weights that a step ruined are not saved")
    func ruined() throws {
        let workspace = try workspace()
        let outcome = try Program.run(
            arguments(
                epochs: 4,
                [
                    "training.peak_learning_rate=10", "training.weight_decay=10", "training.warmup_fraction=0",
                    "training.head_learning_rate_factor=1000",
                ]), in: workspace.path)
        #expect(outcome.status == 1 && outcome.errors.contains("is not finite"), "\(outcome.errors)")
        for part in ["checkpoints", "best"] {
            let names = (try? workspace.folder.names("tuned/seed-0/\(part)")) ?? []
            for name in names where name.hasPrefix("step-") {
                let reader = try CheckpointReader(path: "\(workspace.path)/tuned/seed-0/\(part)/\(name)")
                try reader.verify(threads: 1)
            }
        }
    }

    @Test(
        "What cannot be a state is damage, whatever its checksums say",
        arguments: [
            (#""labels":\["a","b"\]"#, #""labels":["a","a"]"#), (#""labels":\["a","b"\]"#, #""labels":[]"#),
            (#""step":[0-9]+"#, #""step":-2"#), (#""bestStep":[0-9]+"#, #""bestStep":-9223372036854775808"#),
        ])
    func impossible(_ pattern: String, _ replacement: String) throws {
        let workspace = try workspace()
        let outcome = try Program.run(arguments(epochs: 2), in: workspace.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let best = "\(workspace.path)/tuned/seed-0/best"
        let name = try #require(workspace.folder.names("tuned/seed-0/best").first { $0.hasPrefix("step-") })
        let reader = try CheckpointReader(path: "\(best)/\(name)")
        try reader.republish(
            to: CheckpointDirectory(path: best), step: reader.manifest.step, tensor: { _, _ in },
            document: { document, bytes in
                let text = String(decoding: bytes, as: UTF8.self)
                return document == "finetuning.json"
                    ? Array(
                        text.replacingOccurrences(of: pattern, with: replacement, options: .regularExpression).utf8)
                    : Array(bytes)
            }, clearing: { try FileManager.default.removeItem(atPath: reader.path) })
        let prediction = try Program.run(
            ["predict", reader.path, "--input", "dev.jsonl"], in: workspace.path)
        #expect(prediction.status == 1)
        #expect(prediction.errors.contains("finetuning.json"), "\(prediction.errors)")
    }
}
