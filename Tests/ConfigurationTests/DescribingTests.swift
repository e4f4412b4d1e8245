import Configuration
import Foundation
import Testing

@Suite struct DescribingTests {
    @Test func listsEveryKey() throws {
        let documentation = try ConfigurationDocumentation(of: SampleConfiguration())
        #expect(
            documentation.keys.map(\.path) == [
                "model.preset", "model.width", "model.heads", "model.head_width", "model.normalization.placement",
                "model.normalization.alpha", "corpus.sources", "corpus.sources.N.path", "corpus.sources.N.weight",
                "corpus.extensions", "corpus.cache", "corpus.strict", "optimizer.peak_learning_rate",
                "optimizer.warmup_steps", "optimizer.weight_decay", "optimizer.epsilon", "optimizer.seed",
                "optimizer.shift",
            ])
        func typeText(_ path: String) -> String? { documentation.keys.first { $0.path == path }?.typeText }
        #expect(typeText("model.width") == "integer from 1 to 65536")
        #expect(typeText("model.head_width") == "integer from 1 to 1024, or null")
        #expect(typeText("model.normalization.placement") == "post | pre | mix | none")
        #expect(typeText("optimizer.warmup_steps") == "integer of at least 0")
        #expect(typeText("optimizer.weight_decay") == "number of at least 0")
        #expect(typeText("optimizer.shift") == "number")
        #expect(typeText("corpus.cache") == "text, or null")
        #expect(documentation.keys.first { $0.path == "corpus.sources" }?.defaultValue == "1 element")
    }

    @Test func givesTextWithinAWidth() throws {
        let documentation = try ConfigurationDocumentation(of: SampleConfiguration())
        let lines = documentation.text(columns: 80).split(separator: "\n")
        let names = lines.filter { !$0.hasPrefix(" ") }
        #expect(names.count == documentation.keys.count)
        #expect(lines.allSatisfy { $0.hasPrefix(" ") ? $0.count <= 80 : true })
        let rate = try #require(lines.firstIndex { $0.hasPrefix("optimizer.peak_learning_rate ") })
        #expect(lines[rate].hasSuffix("  0.0005") && lines[rate + 1].contains("(number from 0 to 10)"))
    }

    @Test func givesJSON() throws {
        let documentation = try ConfigurationDocumentation(of: SampleConfiguration())
        let data = try JSONEncoder().encode(documentation.keys)
        #expect(try JSONDecoder().decode([ConfigurationKey].self, from: data) == documentation.keys)
    }

    @Test func looksUpSingleSettings() throws {
        let root = SampleConfiguration()
        #expect(try ConfigurationLookup.value(of: "optimizer.peak_learning_rate", in: root) == "0.0005")
        #expect(try ConfigurationLookup.value(of: "corpus.sources.0.path", in: root) == "corpora/*.txt")
        #expect(try ConfigurationLookup.value(of: "corpus.extensions", in: root) == "[txt, jsonl]")
        #expect(try ConfigurationLookup.value(of: "corpus.extensions.1", in: root) == "jsonl")
        #expect(try ConfigurationLookup.value(of: "model.normalization", in: root) == "placement: post\nalpha: null\n")
        for path in ["model.widht", "corpus.sources.1", "model.width.x", "", "model.", "corpus.extensions.2"] {
            #expect(throws: ConfigurationError.self, "\(path)") { try ConfigurationLookup.value(of: path, in: root) }
        }
    }

    @Test func setsSingleSettings() throws {
        var root = SampleConfiguration()
        try ConfigurationLookup.set("optimizer.peak_learning_rate", to: "3e-3", in: &root)
        #expect(root.optimizer.peakLearningRate == 3e-3)
        #expect(throws: ConfigurationError.self) { try ConfigurationLookup.set("model.heads", to: "3", in: &root) }
        #expect(root.model.heads == 4)
        try ConfigurationLookup.set("model.heads", to: "3", in: &root, validating: false)
        #expect(throws: ConfigurationError.self) { try ConfigurationLookup.validate(root) }
        try ConfigurationLookup.set("model.width", to: "300", in: &root)
        #expect(root.model.heads == 3 && root.model.width == 300)
    }

    /// What the look-up gives, it takes back.
    @Test func everySettingCanBeSetToItself() throws {
        var root = SampleConfiguration()
        for key in try ConfigurationDocumentation(of: root).keys where key.type != .groups {
            let path = key.path.replacingOccurrences(of: ".N.", with: ".0.")
            try ConfigurationLookup.set(path, to: ConfigurationLookup.value(of: path, in: root), in: &root)
        }
        #expect(root == SampleConfiguration())
    }
}
