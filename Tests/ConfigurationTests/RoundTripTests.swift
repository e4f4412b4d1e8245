import Configuration
import TestSupport
import Testing

@Suite struct RoundTripTests {
    @Test func writesInDeclaredOrder() throws {
        let expected = """
            model:
              preset: small
              width: 256
              heads: 4
              head_width: null
              normalization:
                placement: post
                alpha: null
            corpus:
              sources:
                - path: corpora/*.txt
                  weight: 1
              extensions: [txt, jsonl]
              cache: null
              strict: false
            optimizer:
              peak_learning_rate: 0.0005
              warmup_steps: 10000
              weight_decay: 0.01
              epsilon: 1e-06
              seed: 0
              shift: -0.5
            empty: {}

            """
        #expect(try ConfigurationWriter.yaml(SampleConfiguration()) == expected)
    }

    @Test func writesHelpAsComments() throws {
        var root = SampleConfiguration()
        root.corpus.sources.append(.init())
        let yaml = try ConfigurationWriter.yaml(root, comments: true)
        #expect(
            yaml.hasPrefix("# What is trained.\nmodel:\n  # Name of the preset that gives the defaults.\n  preset:"))
        #expect(yaml.contains("  sources:\n    - # File, folder or glob.\n      path: corpora/*.txt\n"))
        #expect(yaml.contains("      weight: 1\n    - path: corpora/*.txt\n"))
        #expect(try read(yaml) == root)
    }

    @Test func whatCouldNotBeReadAgainIsFoundBeforeItIsWritten() throws {
        var root = SampleConfiguration()
        try ConfigurationReader.check(root)
        root.optimizer.peakLearningRate = 11
        #expect {
            try ConfigurationReader.check(root, origin: "a rate")
        } throws: { error in
            "\(error)".contains("a rate") && "\(error)".contains("optimizer.peak_learning_rate")
        }
    }

    @Test func writesOnlyWhatDiffers() throws {
        var root = SampleConfiguration()
        root.model.heads = 8
        root.corpus.sources.append(.init())
        root.corpus.sources[1].path = "more.txt"
        let yaml = try ConfigurationWriter.yaml(root, unlike: SampleConfiguration(), keeping: ["model.preset"])
        #expect(
            yaml == """
                model:
                  preset: small
                  heads: 8
                corpus:
                  sources:
                    - {}
                    - path: more.txt

                """)
        #expect(try ConfigurationWriter.yaml(root, unlike: root) == "{}\n")
        #expect(ConfigurationWriter.comment("why") == "# why\n")
    }

    @Test func whatDiffersOnTopOfTheRestIsTheWhole() throws {
        var random = SplitMix64(seed: 2)
        for _ in 0..<500 {
            let root = randomConfiguration(&random)
            var back = randomConfiguration(&random)
            let yaml = try ConfigurationWriter.yaml(root, unlike: back, comments: Bool.random(using: &random))
            try ConfigurationReader.read(yaml: yaml, into: &back)
            #expect(bits(back) == bits(root), "\(yaml)")
        }
    }

    @Test func randomValuesReturnBitForBit() throws {
        var random = SplitMix64(seed: 1)
        for _ in 0..<2000 {
            let root = randomConfiguration(&random)
            let yaml = try ConfigurationWriter.yaml(root, comments: Bool.random(using: &random))
            var back = SampleConfiguration()
            try ConfigurationReader.read(yaml: yaml, into: &back)
            // Swift's == takes canonically equivalent strings and both zeros for equal; the written form does not.
            #expect(back == root)
            #expect(bits(back) == bits(root), "\(yaml)")
        }
    }

    @Test(arguments: [
        "", " ", "a ", " a", "null", "~", "Null", "true", "No", "12", "1e5", "0x1F", "1_000", ".inf", "NaN", "-", "- a",
        "a: b", "a #b", "#a", "a#b", "*a", "&a", "!a", "|", ">", "'a'", "\"a\"", "a\\b", "%a", "@a", "`a", "{a}", "[a]",
        "a,b", "a\nb", "a\r\nb", "\t", "\0", "\u{7F}", "\u{85}", "\u{2028}", "a\u{FEFF}", "\u{FFFE}", "e\u{301}", "é",
        "日本", "😀", "=", "<<", "?", "? a", "...", "---", "1.2.3", "2001-01-01", "12:30", "a:", ":a", "/a/*.txt", "é: ü",
    ])
    func textsReturn(text: String) throws {
        var root = SampleConfiguration()
        root.model.preset = text
        root.corpus.cache = text
        root.corpus.extensions = [text, text]
        let back = try read(ConfigurationWriter.yaml(root))
        for found in [back.model.preset, back.corpus.cache ?? "absent"] + back.corpus.extensions {
            #expect(Array(found.utf8) == Array(text.utf8))
        }
    }

    private func bits(_ root: SampleConfiguration) -> [UInt64] {
        let numbers =
            [root.optimizer.peakLearningRate, root.optimizer.weightDecay, root.optimizer.epsilon, root.optimizer.shift]
            + root.corpus.sources.map(\.weight) + [root.model.normalization.alpha ?? -1]
        let texts = [root.model.preset, root.corpus.cache ?? "absent"] + root.corpus.extensions
        return numbers.map(\.bitPattern) + (texts + root.corpus.sources.map(\.path)).flatMap(\.utf8).map(UInt64.init)
    }

    private func randomConfiguration(_ random: inout SplitMix64) -> SampleConfiguration {
        func text() -> String {
            let scalars = (0..<Int.random(in: 0...8, using: &random)).map { _ -> UnicodeScalar in
                let limit: UInt32 = [0x7F, 0x300, 0xFFFF, 0x10FFFF].randomElement(using: &random) ?? 0x7F
                return UnicodeScalar(UInt32.random(in: 0...limit, using: &random)) ?? "x"
            }
            return String(String.UnicodeScalarView(scalars))
        }
        func number(_ range: ClosedRange<Double>) -> Double {
            while true {
                let value =
                    Bool.random(using: &random)
                    ? Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &random))
                    : Double.random(in: -3...3, using: &random)
                if range.contains(value) { return value }
            }
        }
        var root = SampleConfiguration()
        root.model.preset = text()
        root.model.heads = Int.random(in: 1...32, using: &random)
        root.model.width = root.model.heads * Int.random(in: 1...512, using: &random)
        root.model.headWidth = Bool.random(using: &random) ? nil : Int.random(in: 1...1024, using: &random)
        root.model.normalization.placement = .allCases.randomElement(using: &random) ?? .mix
        if root.model.normalization.placement == .mix { root.model.normalization.alpha = number(0...1) }
        root.corpus.sources = (0..<Int.random(in: 0...3, using: &random)).map { _ in
            var source = SampleConfiguration.Source()
            source.path = text()
            source.weight = number(Double.leastNonzeroMagnitude...1e6)
            return source
        }
        root.corpus.extensions = (0..<Int.random(in: 0...3, using: &random)).map { _ in text() }
        root.corpus.cache = Bool.random(using: &random) ? nil : text()
        root.corpus.strict = Bool.random(using: &random)
        root.optimizer.peakLearningRate = number(0...10)
        root.optimizer.warmupSteps = Int.random(in: 0...Int.max, using: &random)
        root.optimizer.weightDecay = number(0...Double.greatestFiniteMagnitude)
        root.optimizer.epsilon = number(0...1)
        root.optimizer.seed = Int.random(in: Int.min...Int.max, using: &random)
        root.optimizer.shift = number(-Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude)
        return root
    }
}
