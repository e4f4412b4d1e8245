import Configuration
import Testing

@Suite struct ReadingTests {
    @Test(arguments: ["", "\n\n", "# only a comment\n", "---\n", "{}", "null", "model:\n# all below is commented\n"])
    func nothingLeavesTheDefaults(yaml: String) throws {
        #expect(try read(yaml) == SampleConfiguration())
    }

    @Test func setsWhatItNamesAndNothingElse() throws {
        let root = try read(
            """
            model:      {preset: electra-small, normalization: {placement: mix, alpha: 0.25}}
            corpus:
              sources:
                - path: a.txt
                - {path: "b # c.txt", weight: 2}
              extensions: [gz]
              cache: /tmp/x
              strict: true
            optimizer:  {peak_learning_rate: 3e-4, warmup_steps: 1_000}
            """)
        var expected = SampleConfiguration()
        expected.model.preset = "electra-small"
        expected.model.normalization.placement = .mix
        expected.model.normalization.alpha = 0.25
        expected.corpus.sources = [.init(), .init()]
        expected.corpus.sources[0].path = "a.txt"
        expected.corpus.sources[1].path = "b # c.txt"
        expected.corpus.sources[1].weight = 2
        expected.corpus.extensions = ["gz"]
        expected.corpus.cache = "/tmp/x"
        expected.corpus.strict = true
        expected.optimizer.peakLearningRate = 3e-4
        expected.optimizer.warmupSteps = 1000
        #expect(root == expected)
    }

    @Test(arguments: [
        ("5", 5), ("-5", -5), ("+5", 5), ("1e6", 1_000_000), ("1_000_000", 1_000_000), ("5.0", 5), ("0x1F", 31),
        ("0xFF_FF", 65535), ("0o17", 15), ("010", 10), ("9223372036854775807", Int.max),
        ("-9223372036854775808", Int.min), ("12.5e1", 125),
    ])
    func readsIntegers(text: String, value: Int) throws {
        #expect(try read("optimizer: {seed: \(text)}").optimizer.seed == value)
    }

    @Test(arguments: [
        ("5e-4", 5e-4), ("5E-4", 5e-4), ("1e6", 1e6), ("1_000.5", 1000.5), ("3", 3), (".5", 0.5), ("3.", 3), ("-2", -2),
        ("+1.5e+2", 150), ("0x10", 16), ("4.9e-324", 4.9e-324), ("0.1", 0.1), ("-0", -0.0),
    ])
    func readsNumbers(text: String, value: Double) throws {
        #expect(try read("optimizer: {shift: \(text)}").optimizer.shift.bitPattern == value.bitPattern)
    }

    @Test(arguments: [
        ("123", "123"), ("1.50", "1.50"), ("true", "true"), ("a b", "a b"), ("\"null\"", "null"), ("''", ""),
        ("\"\\u00e9\\n\"", "é\n"), ("*", nil), ("null", nil),
    ])
    func readsTexts(text: String, value: String?) throws {
        if let value {
            #expect(try read("model: {preset: \(text)}").model.preset == value)
        } else {
            #expect(complaints("model: {preset: \(text)}").count == 1)
        }
    }

    @Test func nullClearsOptionalsOnly() throws {
        let yaml = "model: {head_width: 64, normalization: {placement: mix, alpha: 1}}\ncorpus: {cache: x}"
        let set = try read(yaml)
        #expect(set.model.headWidth == 64 && set.model.normalization.alpha == 1 && set.corpus.cache == "x")
        let cleared = try read(
            yaml, "model.head_width=null", "model.normalization.alpha=~", "corpus.cache=")
        #expect(
            cleared.model.headWidth == nil && cleared.model.normalization.alpha == nil && cleared.corpus.cache == nil)
        #expect(complaints("model: {width: null}").map(\.kind) == [.wrongType])
        #expect(complaints("model: {width: }").map(\.kind) == [.wrongType])
        // Quotes make it a text.
        #expect(try read("corpus: {cache: \"null\"}").corpus.cache == "null")
    }

    @Test func aliasesAndMergeKeysWork() throws {
        let root = try read(
            """
            corpus:
              sources:
                - &first {path: a.txt, weight: 3}
                - {<<: *first, path: b.txt}
                - *first
                - <<: [{weight: 7}, *first]
            """)
        #expect(root.corpus.sources.map(\.path) == ["a.txt", "b.txt", "a.txt", "a.txt"])
        #expect(root.corpus.sources.map(\.weight) == [3, 3, 3, 7])
    }

    @Test func aFailedReadingLeavesTheValueAlone() {
        var root = SampleConfiguration()
        #expect(throws: ConfigurationError.self) {
            try ConfigurationReader.read(yaml: "model: {width: 512, heads: 0}", into: &root)
        }
        #expect(root == SampleConfiguration())
    }

    @Test func readsATextFromAFile() throws {
        #expect(throws: ConfigurationError.self) { try ConfigurationReader.text(ofFile: "/nonexistent/run.yaml") }
        #expect(throws: ConfigurationError.self) { try ConfigurationReader.text(ofFile: "/") }
        let endless = #expect(throws: ConfigurationError.self) { try ConfigurationReader.text(ofFile: "/dev/zero") }
        #expect(endless?.problems.map(\.kind) == [.tooLarge])
        #expect(try ConfigurationReader.text(ofFile: "/dev/null") == "")
    }
}
