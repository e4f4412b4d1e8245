import Files
import Foundation
import TestSupport
import Testing
import Tokenization

/// Files that are not a byte-level BPE: each a typed error that names what is wrong.
@Suite struct HostileFileTests {
    private static let byteLevel = #"{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}"#

    private static func file(
        vocabulary: String = #"{"a": 0, "b": 1, "ab": 2}"#, merges: String = #"[["a", "b"]]"#, model: String = "",
        preTokenizer: String = byteLevel, rest: String = ""
    ) -> String {
        #"{\#(rest)"pre_tokenizer": \#(preTokenizer), "model": "#
            + #"{"type": "BPE", \#(model)"vocab": \#(vocabulary), "merges": \#(merges)}}"#
    }

    private static func split(_ pattern: String) -> String {
        #"{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "\#(pattern)"}, "#
            + #""behavior": "Isolated", "invert": false}, \#(byteLevel)]}"#
    }

    private func error(_ json: String) -> TokenizerError? {
        do {
            _ = try Tokenizer(json: Array(json.utf8))
            return nil
        } catch let error {
            return error
        }
    }

    @Test("the sound file loads")
    func sound() throws {
        let tokenizer = try Tokenizer(json: Array(Self.file().utf8))
        #expect(tokenizer.encode("abba") == [2, 1, 0])
        #expect(tokenizer.vocabularySize == 3)
    }

    @Test(
        "contradictions are invalid",
        arguments: [
            (file(vocabulary: "[]"), "model"), (file(vocabulary: "{}"), "model"), (file(vocabulary: "7"), "model"),
            (file(vocabulary: #"{"a": "0"}"#), "model.vocab"), (file(vocabulary: #"{"a": -1}"#), "model.vocab"),
            (file(vocabulary: #"{"a": 1.5}"#), "model.vocab"),
            (file(vocabulary: #"{"a": 99999999999}"#), "model.vocab"),
            (file(vocabulary: #"{"a": 9223372036854775808}"#), "model.vocab"),
            (file(vocabulary: #"{"a": 1, "b": 1, "ab": 2}"#), "model.vocab"),
            (file(merges: #"[["a", "c"]]"#), "model.merges"), (file(merges: #"[["b", "a"]]"#), "model.merges"),
            (file(merges: #"[["a"]]"#), "model.merges"), (file(merges: #"["ab"]"#), "model.merges"),
            (file(merges: "[3]"), "model.merges"), (file(merges: "{}"), "model"),
            (file(model: #""ignore_merges": 3, "#), "model"), (#"{"pre_tokenizer": \#(byteLevel)}"#, "the file"),
            ("[]", "the file"), (file(rest: #""added_tokens": 3, "#), "the file"),
            (file(rest: #""added_tokens": [{"content": "x"}], "#), "added_tokens"),
            (file(rest: #""added_tokens": [{"id": 5, "content": "x"}, {"id": 5, "content": "y"}], "#), "added_tokens"),
            (file(preTokenizer: #"{"type": "ByteLevel", "use_regex": "yes"}"#), "pre_tokenizer"),
            (file(preTokenizer: #"{"type": 3}"#), "pre_tokenizer"),
            (
                file(rest: #""post_processor": {"type": "RobertaProcessing", "cls": 3, "sep": ["a", 0]}, "#),
                "post_processor"
            ),
        ])
    func invalid(json: String, component: String) {
        guard case .invalid(let found, let problem) = error(json) else {
            Issue.record("\(json): \(String(describing: error(json)))")
            return
        }
        #expect(found == component, "\(problem)")
        #expect(!problem.isEmpty)
    }

    @Test(
        "what is not byte-level BPE is unsupported and named",
        arguments: [
            (#"{"model": {"type": "WordLevel", "vocab": {}}}"#, "model"),
            (file(model: #""dropout": 0.1, "#), "model"), (file(model: #""end_of_word_suffix": "</w>", "#), "model"),
            (file(model: #""continuing_subword_prefix": "@@", "#), "model"),
            (file(model: #""byte_fallback": true, "#), "model"),
            (file(preTokenizer: "null"), "pre_tokenizer"),
            (file(preTokenizer: #"{"type": "Whitespace"}"#), "pre_tokenizer"),
            (file(preTokenizer: #"{"type": "Metaspace", "replacement": "_"}"#), "pre_tokenizer"),
            (file(rest: #""normalizer": {"type": "ByteLevel"}, "#), "normalizer"),
            (file(rest: #""post_processor": {"type": "Other"}, "#), "post_processor"),
            (file(preTokenizer: split("(?<=a)b")), "pattern (?<=a)b"), (file(preTokenizer: split("a*")), "pattern a*"),
            (file(preTokenizer: split("(a")), "pattern (a"), (file(preTokenizer: split("a)")), "pattern a)"),
            (file(preTokenizer: split("[b-a]")), "pattern [b-a]"), (file(preTokenizer: split("[a")), "pattern [a"),
            (file(preTokenizer: split(#"\\p{Klingon}"#)), #"pattern \p{Klingon}"#),
            (file(preTokenizer: split(#"(a)\\1"#)), #"pattern (a)\1"#),
            (file(preTokenizer: split("(?:a?)+")), "pattern (?:a?)+"),
            (file(preTokenizer: split("(?i:ss)")), "pattern (?i:ss)"), (file(preTokenizer: split("*a")), "pattern *a"),
            (
                file(preTokenizer: split("(?:(?:(?:a{1000}){1000}){1000}){1000}")),
                "pattern (?:(?:(?:a{1000}){1000}){1000}){1000}"
            ),
        ])
    func unsupported(json: String, component: String) {
        guard case .unsupported(let found, let problem) = error(json) else {
            Issue.record("\(json): \(String(describing: error(json)))")
            return
        }
        #expect(found == component, "\(problem)")
    }

    @Test("text that is not JSON names the byte")
    func malformed() {
        for (json, offset) in [
            ("", 0), ("{", 1), (#"{"a": tru}"#, 9), ("{} x", 3), (#"{"a": "\q"}"#, 9), (#"{"a": "\ud800"}"#, 13),
            (#"{"a""#, 4),
            ("[1,]", 3), ("nul", 3), (#""abc"#, 4), ("[1 2]", 3), ("{1:2}", 1),
        ] {
            guard case .malformedJSON(let found, _) = error(json) else {
                Issue.record("\(json): \(String(describing: error(json)))")
                continue
            }
            #expect(found == offset, "\(json)")
        }
        guard case .malformedJSON = error(String(repeating: "[", count: 100_000)) else {
            Issue.record("deep nesting is not refused")
            return
        }
    }

    @Test("every truncation of a real file is an error, never a crash")
    func truncations() throws {
        guard let json = try Form.read().first?.json else { return }
        for length in stride(from: 0, to: json.count - 1, by: 97) {
            #expect(throws: TokenizerError.self) { try Tokenizer(json: Array(json[..<length])) }
        }
        var generator = SplitMix64(seed: 2)
        for _ in 0..<300 {
            var damaged = json
            damaged[Int.random(in: 0..<json.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            if let tokenizer = try? Tokenizer(json: damaged) {
                let ids = tokenizer.encode("the water", parsing: .all)
                #expect(ids.allSatisfy(tokenizer.contains))
            }
        }
    }

    @Test("files: missing, folders, unwritable places, and a write that replaces")
    func files() throws {
        let folder = try TemporaryFolder()
        let path = folder("tokenizer.json")
        #expect(throws: TokenizerError.file(path: path, problem: "No such file or directory")) {
            try Tokenizer(contentsOf: path)
        }
        guard
            case .file(folder.path, let problem)? = #expect(
                throws: TokenizerError.self, performing: { try Tokenizer(contentsOf: folder.path) })
        else { return }
        #expect(problem.contains("holds neither tokenizer.json nor vocab.txt"))
        let tokenizer = try Tokenizer(json: Array(Self.file().utf8))
        try folder.write("old", to: "tokenizer.json")
        try tokenizer.save(to: path)
        #expect(try Tokenizer(contentsOf: path).serialized() == tokenizer.serialized())
        #expect(folder.names() == ["tokenizer.json"])
        #expect(throws: FileFailure.self) { try tokenizer.save(to: path + "/inside") }
        try folder.write("[", to: "tokenizer.json")
        let malformed = TokenizerError.malformedJSON(offset: 1, problem: "the text ends too early")
        #expect(throws: TokenizerError.inFile(path: path, malformed)) { try Tokenizer(contentsOf: path) }
    }

    @Test("Tokens that strip what others are made of leave it to them")
    func overlappingBlanks() throws {
        func token(_ id: Int, _ content: String, left: Bool, right: Bool) -> String {
            #"{"id": \#(id), "content": "\#(content)", "single_word": false, "lstrip": \#(left), "rstrip": \#(right), "#
                + #""normalized": false, "special": false}"#
        }
        let tokens = [token(3, "[A]", left: false, right: true), token(4, " ", left: true, right: false)]
        let tokenizer = try Tokenizer(
            json: Array(Self.file(rest: #""added_tokens": [\#(tokens.joined(separator: ", "))], "#).utf8))
        #expect(tokenizer.encode("[A]   a", parsing: .all) == [3, 0])
        #expect(tokenizer.encode("[A]   ", parsing: .all) == [3])
        #expect(tokenizer.encode("a   a", parsing: .all).filter { $0 == 4 }.isEmpty == false)
    }

    @Test("A vocabulary of special tokens alone has nothing to learn")
    func nothingOrdinary() throws {
        let folder = try TemporaryFolder()
        let names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        func tokenizer(_ names: [String]) throws -> Tokenizer {
            try Tokenizer(contentsOf: try folder.write(names.joined(separator: "\n") + "\n", to: "vocab.txt"))
        }
        #expect(throws: TokenizerError.self) { _ = try tokenizer(names).specialTokens }
        #expect(try tokenizer(names + ["a"]).specialTokens.mask == 4)
    }
}
