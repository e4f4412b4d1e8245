import Foundation
import TestSupport
import Testing
import Tokenization

/// WordPieces and Unigrams that contradict themselves, each a typed error; and vocabularies without a tokenizer.json.
@Suite struct HostilePieceTests {
    private static func wordPiece(
        _ vocabulary: String = "{\"[UNK]\": 0, \"a\": 1, \"##b\": 2}", model: String = "", rest: String = ""
    ) -> String {
        #"{\#(rest)"pre_tokenizer": {"type": "BertPreTokenizer"}, "model": "#
            + #"{"type": "WordPiece", \#(model)"vocab": \#(vocabulary)}}"#
    }

    private static func unigram(
        _ vocabulary: String = #"[["<unk>", 0], ["a", -1.5], ["▁a", -2]]"#, unknown: String = "0", rest: String = ""
    ) -> String {
        #"{\#(rest)"pre_tokenizer": {"type": "Metaspace"}, "model": "#
            + #"{"type": "Unigram", "unk_id": \#(unknown), "vocab": \#(vocabulary)}}"#
    }

    private func error(_ json: String) -> TokenizerError? {
        do {
            _ = try Tokenizer(json: Array(json.utf8))
            return nil
        } catch {
            return error
        }
    }

    @Test func soundFilesLoad() throws {
        let wordPiece = try Tokenizer(json: Array(Self.wordPiece().utf8))
        #expect(wordPiece.encode("ab abb b") == [1, 2, 1, 2, 2, 0])
        let unigram = try Tokenizer(json: Array(Self.unigram().utf8))
        #expect(unigram.encode("a aab") == [2, 2, 1, 0])
        #expect(unigram.token(2) == "▁a" && unigram.vocabularySize == 3)
    }

    @Test(
        "Contradictions are invalid",
        arguments: [
            (wordPiece(#"{"a": 1}"#), "model"), (wordPiece(#"{"[UNK]": 0, "a": 0}"#), "model.vocab"),
            (wordPiece(#"{"[UNK]": 0, "a": 1, "a": 2}"#), "model.vocab"),
            (wordPiece(#"{"[UNK]": 99999999999}"#), "model.vocab"), (wordPiece("{}"), "model"),
            (wordPiece("[]"), "model"),
            (wordPiece(#"{"[UNK]": 1e999}"#), "model.vocab"), (wordPiece(model: #""unk_token": 3, "#), "model"),
            (wordPiece(model: #""unk_token": "<x>", "#), "model"),
            (wordPiece(model: #""max_input_chars_per_word": -1, "#), "model"),
            (wordPiece(model: #""max_input_chars_per_word": "many", "#), "model"),
            (wordPiece(model: #""continuing_subword_prefix": 3, "#), "model"),
            (wordPiece(rest: #""normalizer": {"type": "BertNormalizer", "lowercase": 1}, "#), "normalizer"),
            (unigram("[]"), "model"), (unigram("{}"), "model"), (unigram(#"[["a"]]"#), "model.vocab"),
            (unigram(#"[["a", "b"]]"#), "model.vocab"), (unigram(#"[[1, 2]]"#), "model.vocab"),
            (unigram(#"[["a", 1e999]]"#), "model.vocab"), (unigram(#"[["a", -1e999]]"#), "model.vocab"),
            (unigram(unknown: "null"), "model"), (unigram(unknown: "3"), "model"), (unigram(unknown: "-1"), "model"),
            (unigram(unknown: "99999999999999999999"), "model"), (unigram(unknown: "0.5"), "model"),
            (unigram(rest: #""normalizer": {"type": "Precompiled", "precompiled_charsmap": "?"}, "#), "normalizer"),
            (
                unigram(rest: #""normalizer": {"type": "Precompiled", "precompiled_charsmap": "////////"}, "#),
                "normalizer"
            ),
            (unigram(rest: #""decoder": {"type": "Metaspace", "replacement": "ab"}, "#), "decoder"),
            (unigram().replacing(#""Metaspace""#, with: #""Metaspace", "prepend_scheme": "often""#), "pre_tokenizer"),
            (
                unigram().replacing(
                    #""Metaspace""#, with: #""Metaspace", "add_prefix_space": false, "prepend_scheme": "first""#),
                "pre_tokenizer"
            ),
        ])
    func invalid(json: String, component: String) {
        guard case .invalid(let found, let problem) = error(json) else {
            Issue.record("\(json): \(String(describing: error(json)))")
            return
        }
        #expect(found == component, "\(problem)")
    }

    @Test(
        "What is of another kind is unsupported and named",
        arguments: [
            (wordPiece().replacing(#""BertPreTokenizer""#, with: #""ByteLevel""#), "pre_tokenizer"),
            (wordPiece().replacing(#""WordPiece""#, with: #""WordLevel""#), "model"),
            (unigram(rest: #""decoder": {"type": "CTC"}, "#), "decoder"),
            (unigram(rest: #""normalizer": {"type": "Nmt"}, "#), "normalizer"),
        ])
    func unsupported(json: String, component: String) {
        guard case .unsupported(let found, _) = error(json) else {
            Issue.record("\(json): \(String(describing: error(json)))")
            return
        }
        #expect(found == component)
    }

    @Test("Replacements that multiply a text are refused", arguments: ["normalizer", "decoder"])
    func bombs(_ place: String) {
        func error(_ count: Int, _ content: String) -> TokenizerError? {
            let step = #"{"type": "Replace", "pattern": {"String": "a"}, "content": "\#(content)"}"#
            let list = Array(repeating: step, count: count).joined(separator: ", ")
            return self.error(
                Self.unigram(rest: #""\#(place)": {"type": "Sequence", "\#(place)s": [\#(list)]}, "#))
        }
        guard case .unsupported(let component, _)? = error(40, "aa") else {
            Issue.record("not refused")
            return
        }
        #expect(component == place)
        #expect(error(40, "b") == nil && error(2, "aa") == nil)
    }

    @Test("Deep nesting is refused in every place")
    func nesting() {
        let deep = String(repeating: #"{"type": "Sequence", "normalizers": ["#, count: 100_000)
        guard case .malformedJSON = error(Self.unigram(rest: #""normalizer": \#(deep)"#)) else {
            Issue.record("deep nesting is not refused")
            return
        }
        for (key, list) in [("normalizer", "normalizers"), ("decoder", "decoders")] {
            let open = String(repeating: #"{"type": "Sequence", "\#(list)": ["#, count: 60)
            let nested = open + String(repeating: "]}", count: 60)
            #expect(error(Self.unigram(rest: #""\#(key)": \#(nested), "#)) != nil, "\(key)")
        }
    }

    @Test("Damaged files are errors or encode without a crash")
    func damaged() throws {
        var generator = SplitMix64(seed: 8)
        for form in try PieceForm.read() where ["bert-uncased", "albert", "bytes"].contains(form.name) {
            for length in stride(from: 0, to: form.json.count - 1, by: 997) {
                #expect(throws: TokenizerError.self) { try Tokenizer(json: Array(form.json[..<length])) }
            }
            for _ in 0..<150 {
                var damaged = form.json
                for _ in 0..<3 {
                    damaged[Int.random(in: 0..<damaged.count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                if let tokenizer = try? Tokenizer(json: damaged) {
                    let ids = tokenizer.encode("The ﬁrst mill's water, 12 ｶﾞ e\u{301} <mask> 水", parsing: .all)
                    #expect(ids.allSatisfy(tokenizer.contains))
                    #expect(!tokenizer.decode(ids).isEmpty)
                }
            }
        }
    }

    @Test("A pipe or a device in the place of a file is refused instead of being waited for", .timeLimit(.minutes(1)))
    func noFiles() throws {
        let folder = try TemporaryFolder()
        for name in ["tokenizer.json", "vocab.txt"] {
            #expect(mkfifo(folder(name), 0o600) == 0)
            #expect(throws: TokenizerError.file(path: folder(name), problem: "is no file, but a pipe or a device")) {
                _ = try Tokenizer(contentsOf: folder(name))
            }
        }
        try FileManager.default.removeItem(atPath: folder("vocab.txt"))
        try FileManager.default.removeItem(atPath: folder("tokenizer.json"))
        try folder.write("[UNK]\na\n", to: "vocab.txt")
        #expect(mkfifo(folder("tokenizer_config.json"), 0o600) == 0)
        #expect(throws: TokenizerError.self) { _ = try Tokenizer(contentsOf: folder("vocab.txt")) }
        #expect(throws: TokenizerError.self) { _ = try Tokenizer(contentsOf: "/dev/zero") }
    }

    @Test("A vocab.txt is read as tokenizer_config.json says, and a folder by what it holds")
    func vocabularyFiles() throws {
        let folder = try TemporaryFolder()
        let lines = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "mill", "##er", "é", "e", "The", "水", "the"]
        try folder.write(lines.joined(separator: "\r\n") + "\r\n", to: "vocab.txt")
        // With capital letters and nothing that says so, it is not one of small letters.
        #expect(try Tokenizer(contentsOf: folder("vocab.txt")).encode("The miller é") == [10, 6, 7, 8])
        try folder.write(#"{"do_lower_case": true, "unk_token": {"content": "[UNK]"}}"#, to: "tokenizer_config.json")
        let small = try Tokenizer(contentsOf: folder.path)
        // Of a token that is there twice the last one counts.
        #expect(small.encode("The miller É 水x[MASK]") == [12, 6, 7, 9, 11, 1, 1, 1, 1])
        #expect(small.encode("x [MASK]", parsing: .all) == [1, 4])
        #expect(small.addingSpecialTokens([6]) == [2, 6, 3])
        #expect(try small.specialTokens.all == [0, 1, 2, 3, 4])
        #expect(small.vocabularySize == 13 && !small.contains(5))
        try folder.write(#"{"do_lower_case": true, "strip_accents": false}"#, to: "tokenizer_config.json")
        #expect(try Tokenizer(contentsOf: folder.path).encode("The É") == [12, 8])
        // What is written down is the same tokenizer.
        let again = try Tokenizer(json: Tokenizer(contentsOf: folder.path).serialized())
        #expect(again.encode("The É") == [12, 8] && again.kind == .wordPiece)
        try folder.write(#"{"do_lower_case": "yes"}"#, to: "tokenizer_config.json")
        #expect(throws: TokenizerError.self) { try Tokenizer(contentsOf: folder.path) }
        // Words that others find would be cut at other places, and hardly a token be missing.
        for other in [
            #""word_tokenizer_type": "mecab""#, #""subword_tokenizer_type": "character""#,
            #""do_basic_tokenize": false"#,
            #""tokenizer_class": "BertJapaneseTokenizer""#, #""tokenizer_class": "RoFormerTokenizerFast""#,
        ] {
            try folder.write("{\(other)}", to: "tokenizer_config.json")
            let error = #expect(throws: TokenizerError.self) { try Tokenizer(contentsOf: folder.path) }
            #expect("\(try #require(error))".contains("finds words otherwise than BERT"), "\(other)")
        }
        try folder.write(
            #"{"tokenizer_class": "ElectraTokenizerFast", "do_basic_tokenize": true, "word_tokenizer_type": "basic"}"#,
            to: "tokenizer_config.json")
        #expect(try Tokenizer(contentsOf: folder.path).encode("mill") == [6])
        try folder.write(Self.wordPiece(), to: "tokenizer.json")
        #expect(try Tokenizer(contentsOf: folder.path).vocabularySize == 3)
    }
}
