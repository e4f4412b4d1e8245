import FineTuning
import Foundation

extension WeatherTexts {
    /// A small task of a kind, of the same words. Writes its files.
    func configuration(of kind: TaskKind) throws -> FineTuningConfiguration {
        var configuration = configuration
        configuration.task.kind = kind
        if kind == .classes { return configuration }
        for name in ["train", "dev", "test"] {
            let lines = try folder.text("\(name).jsonl").split(separator: "\n").enumerated().map { index, line in
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
                let row = self.row(of: kind, object?["text"] ?? "", isFair: object?["label"] == "fair", index)
                return String(decoding: try JSONSerialization.data(withJSONObject: row), as: UTF8.self)
            }
            try folder.write(lines.joined(separator: "\n"), to: "\(kind.rawValue)/\(name).jsonl")
        }
        configuration.task.train = folder("\(kind.rawValue)/train.jsonl")
        configuration.task.validation = folder("\(kind.rawValue)/dev.jsonl")
        configuration.task.test = folder("\(kind.rawValue)/test.jsonl")
        return configuration
    }

    /// Words of the weather are entities.
    private func words(_ text: String) -> [String: Any] {
        let words = text.split(separator: " ").map(String.init)
        let sorts = words.map { word in Self.words.firstIndex { $0.contains(word) } }
        return ["words": words, "labels": sorts.map { $0.map { ["B-FAIR", "B-FOUL"][$0] } ?? "O" }]
    }

    /// The answer is sunny or cold; without one, neither is there.
    private func question(_ text: String, hasAnswer: Bool) -> [String: Any] {
        let words = ["the", "day"] + text.split(separator: " ").filter { hasAnswer || $0 != "sunny" && $0 != "cold" }
        let context = words.joined(separator: " ")
        let answer = words.last.map(String.init) ?? ""
        return [
            "question": "the day was", "context": context,
            "answers": hasAnswer ? [["text": answer, "start": context.count - answer.count]] : [],
        ]
    }

    /// What a line says of a text about the weather.
    private func row(of kind: TaskKind, _ text: String, isFair: Bool, _ index: Int) -> [String: Any] {
        switch kind {
        case .classes: ["text": text, "label": isFair ? "fair" : "foul"]
        case .number: ["text": text, "label": isFair ? 1.5 : -0.5]
        case .choice:
            // A row in three has a choice more.
            [
                "context": "the day was", "label": index % 2,
                "choices": (index % 2 == 0 ? ["sunny \(text)", "cold grey"] : ["cold grey", "sunny \(text)"])
                    + (index % 3 == 0 ? ["rain \(text)"] : []),
            ]
        case .span:
            question(text, hasAnswer: index % 3 != 0)
        case .contrastive:
            // The same words from the last to the first, and those of the other weather.
            [
                "text": text, "text_pair": text.split(separator: " ").reversed().joined(separator: " "),
                "negative": "\(Self.words[isFair ? 1 : 0].joined(separator: " ")) \(index)",
            ]
        case .tokens:
            words(text)
        case .labels:
            ["text": text, "labels": ["sunny", "cold", "warm"].filter { text.contains($0) }]
        }
    }
}
