import Configuration
import FineTuning
import TestSupport
import Testing

/// Settings of a task that its kind, or its other settings, leave without effect.
@Suite("Fine-tuning: settings without effect")
struct FineTuningSettingUseTests {
    /// The settings, and the one of them that nothing reads.
    static let mistakes: [(settings: [String], key: String)] = [
        (["kind=tokens", "training.pooling=mean"], "training.pooling"),
        (["kind=span", "training.pooling=mean"], "training.pooling"),
        (["training.window_overlap=2"], "training.window_overlap"),
        (["kind=choice", "training.window_overlap=2"], "training.window_overlap"),
        (["validation=dev.jsonl", "validation_fraction=0.2"], "validation_fraction"),
        (["kind=span", "text_field=body"], "text_field"), (["kind=tokens", "pair_field=other"], "pair_field"),
        (["label_separator=;"], "label_separator"), (["words_field=tokens"], "words_field"),
        (["longest_answer=9"], "longest_answer"), (["context_field=passage"], "context_field"),
        (["choices_field=endings"], "choices_field"),
        (["kind=choice", "choice_fields=[a, b]", "choices_field=endings"], "choices_field"),
        (
            ["kind=contrastive", "training.head_learning_rate_factor=2"], "training.head_learning_rate_factor"
        ),
        (
            ["training.frozen_layers=1", "training.embedding_learning_rate_factor=2"],
            "training.embedding_learning_rate_factor"
        ),
    ]

    @Test("They are refused by name", arguments: 0..<mistakes.count)
    func refused(_ index: Int) {
        let (settings, key) = Self.mistakes[index]
        let error = #expect(throws: ConfigurationError.self) {
            try FineTuningConfiguration(taskFile: nil, train: "train.jsonl", settings: settings)
        }
        #expect(error?.problems.map(\.keyPath) == [key], "\(error.map { "\($0)" } ?? "")")
        // A suite's settings are for all of its tasks.
        #expect(throws: Never.self) {
            try FineTuningConfiguration(
                taskFile: nil, train: "train.jsonl", settings: settings, sharesSettings: true)
        }
    }

    @Test("What a kind reads is taken, and what is its own way anyway")
    func taken() throws {
        for settings in [
            ["kind=tokens", "training.window_overlap=2", "training.pooling=first"], ["kind=span", "longest_answer=9"],
            ["training.long_texts=stride", "training.window_overlap=2"], ["kind=labels", "label_separator=;"],
            ["validation_fraction=0.2", "training.pooling=mean"],
        ] {
            #expect(throws: Never.self, "\(settings)") {
                try FineTuningConfiguration(taskFile: nil, train: "train.jsonl", settings: settings)
            }
        }
    }

    @Test("A file for validation that is named beside a task's takes its place")
    func validation() throws {
        let folder = try TemporaryFolder()
        try folder.write("train: a.jsonl\nvalidation_fraction: 0.2", to: "task.yaml")
        let configuration = try FineTuningConfiguration(taskFile: folder("task.yaml"), validation: "dev.jsonl")
        #expect(configuration.task.validation == "dev.jsonl")
        let error = #expect(throws: ConfigurationError.self) {
            try FineTuningConfiguration(
                taskFile: nil, train: "a.jsonl", validation: "dev.jsonl", settings: ["validation_fraction=0.2"])
        }
        #expect(error?.problems.map(\.keyPath) == ["validation_fraction"])
    }
}
