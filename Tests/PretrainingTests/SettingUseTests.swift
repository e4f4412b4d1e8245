import Configuration
import Foundation
import Objectives
import Pretraining
import TestSupport
import Testing

/// Settings of a run that its other settings leave without effect.
@Suite struct SettingUseTests {
    /// The settings, and the one of them that nothing reads.
    static let mistakes: [(settings: [String], key: String)] = [
        (["objective.replacements=random", "objective.mask_token_fraction=1"], "objective.mask_token_fraction"),
        (["objective.replacements=random", "objective.random_token_fraction=0.1"], "objective.random_token_fraction"),
        (["objective.replacements=random", "model.generator.layer_count=2"], "model.generator.layer_count"),
        (["objective.name=masked_language_model", "model.generator.dropout=0.2"], "model.generator.dropout"),
        (
            [
                "objective.replacements=frozen", "objective.frozen_generator.checkpoint=x",
                "model.embedding_sharing=separate", "model.generator.dropout=0.2",
            ], "model.generator.dropout"
        ),
        (
            [
                "objective.replacements=frozen", "objective.frozen_generator.checkpoint=x",
                "model.embedding_sharing=separate", "objective.frozen_generator.decay_steps=7",
            ], "objective.frozen_generator.decay_steps"
        ),
        (
            [
                "objective.name=masked_language_model", "parametrization.base_hidden_size=64",
                "parametrization.generator_base_hidden_size=32",
            ], "parametrization.generator_base_hidden_size"
        ),
        (
            ["objective.name=masked_language_model", "model.initialization.zero_detection_output=true"],
            "model.initialization.zero_detection_output"
        ),
        (["tokenizer.path=t.json", "tokenizer.lowercase=true"], "tokenizer.lowercase"),
        (
            [
                "optimizer.decay_start=after_warmup", "optimizer.schedule=constant",
                "optimizer.final_learning_rate_fraction=0.1",
            ], "optimizer.final_learning_rate_fraction"
        ),
        (["optimizer.decay_steps=10"], "optimizer.decay_steps"),
        (["optimizer.muon.peak_learning_rate=0.1"], "optimizer.muon.peak_learning_rate"),
        (
            ["optimizer.separate=true", "optimizer.generator.muon_peak_learning_rate=0.1"],
            "optimizer.generator.muon_peak_learning_rate"
        ),
        (["optimizer.importance_decay=0.9"], "optimizer.importance_decay"),
        (["optimizer.generator.clip_norm=0.5"], "optimizer.generator.clip_norm"),
        (["objective.name=replace_mlm", "objective.discriminator_weight=10"], "objective.discriminator_weight"),
        (["objective.corrective_weight=2"], "objective.corrective_weight"),
        (
            ["optimizer.separate=true", "model.embedding_sharing=separate", "optimizer.shared_tensors=generator"],
            "optimizer.shared_tensors"
        ),
        (["training.synchronisation.outer_learning_rate=1"], "training.synchronisation.outer_learning_rate"),
        (["training.synchronisation.outer_momentum=0.5"], "training.synchronisation.outer_momentum"),
        (["model.rotary_base=500"], "model.rotary_base"),
        (["model.positions=rotary", "model.maximum_positions=64"], "model.maximum_positions"),
        (
            ["model.attention.pattern=alternating", "model.attention.local_rotary_base=500"],
            "model.attention.local_rotary_base"
        ),
        (["model.attention.window=64"], "model.attention.window"),
        (["model.attention.windows=[8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8]"], "model.attention.windows"),
        (["model.attention.pattern=window", "model.attention.full_every=2"], "model.attention.full_every"),
        (["model.attention.pattern=window", "model.attention.block_size=32"], "model.attention.block_size"),
        (["model.attention.pattern=window", "model.attention.global_every=32"], "model.attention.global_every"),
        (["model.attention.position_buckets=64"], "model.attention.position_buckets"),
        (["model.relative_bias.bins=64"], "model.relative_bias.bins"),
        (["model.normalization.alpha=0.5"], "model.normalization.alpha"),
        (
            ["corpus.sources=[{path: a.txt, format: text, text_field: body}]"], "corpus.sources.0.text_field"
        ),
    ]

    private func resolve(_ settings: [String], file: String? = nil, preset: String? = "electra-small") throws
        -> [String]
    {
        var notes: [String] = []
        _ = try RunConfiguration.resolve(file: file, preset: preset, settings: settings) { notes.append($0) }
        return notes
    }

    @Test(
        "What has no effect is refused by name, and without what turns it off it is not", arguments: 0..<mistakes.count)
    func refused(_ index: Int) {
        let (settings, key) = Self.mistakes[index]
        let error = #expect(throws: ConfigurationError.self) { try resolve(settings) }
        #expect(error?.problems.map(\.keyPath) == [key], "\(error.map { "\($0)" } ?? "")")
        // It is this key that is refused, and not what turns it off.
        let others = settings.filter { !$0.hasPrefix(key) && !$0.hasPrefix("corpus.sources") }
        #expect(throws: Never.self) { try resolve(others) }
    }

    @Test("Every preset takes every other objective, and its configuration written in full", arguments: Preset.allCases)
    func presets(_ preset: Preset) throws {
        let folder = try TemporaryFolder()
        try folder.write(try ConfigurationWriter.yaml(preset.configuration), to: "whole.yaml")
        #expect(try resolve([], file: folder("whole.yaml"), preset: nil).isEmpty)
        for objective in ObjectiveName.allCases where objective != preset.configuration.objective.name {
            do {
                // What it is told is of what was asked for, and nothing was that it could be told of.
                #expect(try resolve(["objective.name=\(objective.rawValue)"], preset: preset.rawValue).isEmpty)
            } catch let error as ConfigurationError {
                // An objective may not take a preset's shape; it is not for what nobody asked for.
                #expect(!"\(error)".contains("leave it out"), "\(error)")
            }
        }
    }

    @Test("A file that is sound by itself stays so under another objective and with a tokenizer that is there")
    func shared() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "model: {preset: small, generator: {layer_count: 2}}\ntokenizer: {vocabulary_size: 8192}", to: "mine.yaml")
        let notes = try resolve(
            ["objective.name=masked_language_model", "tokenizer.path=t.json"], file: folder("mine.yaml"), preset: nil)
        #expect(notes.count == 1 && notes.allSatisfy { $0.contains("has no effect here") }, "\(notes)")
        #expect(try resolve([], file: folder("mine.yaml"), preset: nil).isEmpty)
        // A preset comes before all settings, wherever it stands; the demo has no table of positions.
        let first = ["model.maximum_positions=600", "model.preset=electra-small"]
        #expect(try resolve(first, preset: nil).isEmpty)
    }

    @Test("What a run has written is read again, whatever it was made with")
    func written() throws {
        let folder = try TemporaryFolder()
        var configuration = Preset.electraSmall.configuration
        configuration.model.preset = nil
        configuration.objective.name = .maskedLanguageModel
        configuration.model.generator.layerCount = 2
        configuration.tokenizer.path = "t.json"
        configuration.tokenizer.vocabularySize = 300
        configuration.optimizer.decaySteps = 7
        try folder.write(try ConfigurationWriter.yaml(configuration, comments: true), to: "config.yaml")
        #expect(try resolve(["training.steps=9"], file: folder("config.yaml"), preset: nil).isEmpty)
    }

    @Test("The configurations of Experiments ask for nothing that has no effect")
    func experiments() throws {
        let repository = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder = repository.appendingPathComponent("Experiments").path
        var count = 0
        for name in try #require(FileManager.default.subpaths(atPath: folder)).sorted() where name.hasSuffix(".yaml") {
            let path = "\(folder)/\(name)"
            // Comparisons have a test of their own.
            if try String(contentsOfFile: path, encoding: .utf8).contains("\narms:") { continue }
            #expect(throws: Never.self, "\(name)") { try resolve([], file: path, preset: nil) }
            count += 1
        }
        #expect(count > 10)
    }

    @Test("The shape of a generator is checked where there is one")
    func generatorShape() throws {
        // A quarter of it is no width for heads.
        let odd = ["model.hidden_size=48", "model.head_count=2", "model.intermediate_size=64"]
        let error = #expect(throws: ConfigurationError.self) { try resolve(odd) }
        #expect(error?.problems.map(\.keyPath) == ["model.generator.head_count"], "\(error.map { "\($0)" } ?? "")")
        #expect(throws: Never.self) { try resolve(odd + ["objective.name=masked_language_model"]) }
    }
}
