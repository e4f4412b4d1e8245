import Foundation
import TestSupport
import Testing

/// Fine-tuning that is killed and stopped wherever it is ends as if nothing had happened, for every kind of task.
@Suite struct FineTuningInterruptionTests {
    private static let kinds = ["classes", "labels", "tokens", "span", "choice"] + parts.keys.sorted()

    /// Classes, learned by a part of the encoder.
    private static let parts = [
        "adapters": "training.adapter_size=8", "dropping": "training.gradient_dropping=0.3",
        "muon": "training.optimizer=muon", "vector": "training.encoder_vector=50",
    ]

    private func line(_ kind: String, _ index: Int) -> String {
        var random = SplitMix64(seed: UInt64(index))
        let words = SyntheticText.sentence(&random).split(separator: " ").map {
            $0.filter(\.isLetter)
        }.filter { !$0.isEmpty }
        let text = words.joined(separator: " ")
        let object: [String: Any] =
            switch kind {
            case "labels": ["text": text, "labels": index % 3 == 0 ? [] : ["a", index % 2 == 0 ? "b" : "c"]]
            case "tokens": ["words": words, "labels": words.indices.map { ($0 + index) % 3 == 0 ? "B-X" : "O" }]
            case "span":
                [
                    "question": "who", "context": text,
                    "answers": index % 4 == 0 ? [] : [["text": words[0], "start": 0]],
                ]
            case "choice": ["context": text, "choices": ["this one", "that \(index)"], "label": index % 2]
            default: ["text": text, "label": index % 2 == 0 ? "a" : "b"]
            }
        let data = try? JSONSerialization.data(withJSONObject: object, options: .sortedKeys)
        return String(decoding: data ?? Data(), as: UTF8.self)
    }

    private func metrics(_ workspace: Workspace, _ output: String) throws -> [String] {
        try workspace.folder.text("\(output)/seed-0/metrics.jsonl").split(separator: "\n").map { line in
            var object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            for timed in ["seconds", "tokens_per_second", "texts_per_second"] { object[timed] = nil }
            return String(
                decoding: try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), as: UTF8.self)
        }
    }

    /// Checksums of weights and moments of the last checkpoint, and of the best model.
    private func sums(_ workspace: Workspace, _ output: String) throws -> [String] {
        try ["checkpoints", "best"].map { part in
            let last = try #require(
                workspace.folder.names("\(output)/seed-0/\(part)").filter { $0.hasPrefix("step-") }.last)
            return try workspace.folder.text("\(output)/seed-0/\(part)/\(last)/SHA256SUMS").split(separator: "\n")
                .filter { $0.contains("weights") || $0.contains("moments") }.joined(separator: "\n")
        }
    }

    @Test(arguments: kinds)
    func endsAsIfNothingHadHappened(kind: String) throws {
        let workspace = try Workspace()
        try workspace.run("model", ["training.steps=2", "training.checkpoint_every=2"])
        for (name, count) in [("train", 240), ("dev", 30)] {
            try workspace.folder.write((0..<count).map { line(kind, $0) }.joined(separator: "\n"), to: "\(name).jsonl")
        }
        func arguments(_ output: String, threads: Int) -> [String] {
            let settings =
                [
                    Self.parts[kind] ?? "kind=\(kind)", "training.epochs=6", "training.batch_size=4",
                    "training.maximum_length=16",
                    "training.peak_learning_rate=1e-3",
                ] + (kind == "choice" ? [] : ["training.long_texts=stride"])
            return ["finetune", "model", "--train", "train.jsonl", "--validation", "dev.jsonl", "--output", output]
                + ["--threads", "\(threads)", "--quiet"] + settings.flatMap { ["--set", $0] }
        }
        let whole = try Program.run(arguments("whole", threads: 1), in: workspace.path)
        #expect(whole.status == 0, "\(whole.errors)")

        var chance = SplitMix64(seed: 5)
        var interrupted = 0
        for attempt in 0..<5 {
            let lines = { (try? workspace.folder.text("parts/seed-0/metrics.jsonl").count { $0 == "\n" }) ?? 0 }
            let before = lines()
            let child = try Program.start(arguments("parts", threads: 2), in: workspace.path)
            try child.waitUntil { lines() > before }
            usleep(UInt32.random(in: 0...30_000, using: &chance))
            child.send(attempt % 2 == 0 ? SIGKILL : SIGTERM)
            let outcome = try child.wait()
            if outcome.status == 0 { break }
            #expect(outcome.status == 128 + SIGKILL || outcome.status == 75, "\(outcome.errors)")
            interrupted += 1
        }
        #expect(interrupted >= 2)
        let parts = try Program.run(arguments("parts", threads: 2), in: workspace.path)
        #expect(parts.status == 0, "\(parts.errors)")
        #expect(try metrics(workspace, "parts") == metrics(workspace, "whole"))
        #expect(try sums(workspace, "parts") == sums(workspace, "whole"))
        #expect(
            try workspace.folder.text("parts/seed-0/result.json") == workspace.folder.text("whole/seed-0/result.json"))
    }
}
