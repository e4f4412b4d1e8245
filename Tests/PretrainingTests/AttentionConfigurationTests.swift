import Configuration
import Encoder
import Pretraining
import Testing

@Suite("Attention settings")
struct AttentionConfigurationTests {
    static let mistakes: [(settings: [String: String], complaint: String)] = [
        (["window": "7"], "model.attention.window: 7 is odd"),
        (["windows": "[8, 16]"], "model.attention.windows: has 2 widths for 12 layers"),
        (["pattern": "window", "dilations": "[1, 2]"], "model.attention.dilations: has 2 distances for 4 heads"),
        (["pattern": "window", "dilations": "[1, 1, 1, 128]"], "is no less than corpus.sequence_length 128"),
        (["pattern": "big_bird", "block_size": "40"], "40 is not a multiple of 16"),
        (["pattern": "big_bird", "block_size": "256"], "is more than corpus.sequence_length 128"),
        (["pattern": "big_bird", "window_blocks": "2"], "2 is even"),
        (["global_tokens": "first"], "are for pattern window or alternating"),
        (["pattern": "window", "global_tokens": "ids"], "model.attention.global_ids: is empty"),
        (["pattern": "window", "global_projections": "own"], "own needs global tokens"),
        (
            ["pattern": "window", "global_tokens": "every", "global_every": "1"],
            "makes 128 global tokens of a document of 128, more than maximum_global_tokens 64"
        ),
        (["pattern": "window", "local_rotary_base": "100"], "is for pattern alternating"),
        (["dilations": "[1, 1, 1, 2]"], "are for windows"),
    ]

    @Test("What cannot work is refused before training, by name", arguments: 0..<mistakes.count)
    func refused(_ index: Int) {
        let (settings, complaint) = Self.mistakes[index]
        var configuration = RunConfiguration()
        let overrides = settings.map { "model.attention.\($0)=\($1)" }
        let error = #expect(throws: ConfigurationError.self) {
            try ConfigurationReader.read(yaml: "", origin: "test", overrides: overrides, into: &configuration)
        }
        #expect(error.map { "\($0)".contains(complaint) } == true, "\(error.map { "\($0)" } ?? "nothing")")
    }

    @Test("Sequences beyond the position table are refused")
    func positions() {
        var configuration = RunConfiguration()
        #expect(throws: ConfigurationError.self) {
            try ConfigurationReader.read(
                yaml: "corpus: {sequence_length: 4096}", origin: "test", into: &configuration)
        }
    }

    @Test("Lists of integers are read, changed by element and written")
    func lists() throws {
        var configuration = RunConfiguration()
        try ConfigurationReader.read(
            yaml: "model: {layer_count: 3, attention: {pattern: window, windows: [8, 16, 32]}}", origin: "test",
            overrides: ["model.attention.windows.1=64"], into: &configuration)
        #expect(configuration.model.attention.windows == [8, 64, 32])
        #expect(try ConfigurationWriter.yaml(configuration).contains("windows: [8, 64, 32]"))
    }
}
