import ArgumentParser
import Foundation
import Tokenization

/// `pretrain tokenizer encode`.
struct TokenizerEncodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "encode",
        abstract: "Reads lines from standard input and prints the ids of each, separated by spaces.",
        discussion: """
            A line ends at a line feed, which is not part of it; every other byte is, a carriage return too. An empty \
            line gives an empty line.

            Text is data: special tokens such as [MASK] in the text are NOT parsed unless --parse-special-tokens is \
            given. Added tokens that are not special are always found, as the `tokenizers` library finds them.

            With --json: one object a line with ids, tokens, and offsets into the line's characters. How many tokens are \
            unknown to the vocabulary ([UNK]) is told at the end, if there are any.
            """)

    @Argument(
        help: ArgumentHelp(
            "A tokenizer.json (byte-level BPE, WordPiece or Unigram), a vocab.txt of BERT, or a folder with one of them.",
            valueName: "tokenizer"))
    var tokenizer: String

    @Flag(name: .long, help: "Wrap each line as the tokenizer's post-processor does: [CLS] ids [SEP].")
    var addSpecialTokens = false

    @Flag(name: .long, help: "Turn special tokens in the text into their ids (default: not parsed, text is data).")
    var parseSpecialTokens = false

    @Flag(name: .long, help: "Print an object for each line: ids, tokens and their offsets, in characters.")
    var json = false

    /// One line of `--json`.
    struct Encoding: Encodable {
        var ids: [Int32]
        var tokens: [String]
        /// Start and end, as Python counts; both 0 for what is no part of the line.
        var offsets: [[Int]]
    }

    func run() async throws {
        let model = try Tokenizer(contentsOf: tokenizer)
        let encoder = TokenizerEncoder(model)
        let output = OutputBuffer()
        let parsing = parseSpecialTokens ? AddedTokenParsing.all : .ordinary
        var (count, unknown) = (0, 0)
        defer {
            if unknown > 0 {
                Terminal.note(
                    "\(unknown) of \(count) tokens are \(model.unknownID.map(model.token) ?? ""), unknown to the vocabulary"
                )
            }
        }
        let (prefix, suffix) = addSpecialTokens ? (model.specialTokenPrefix, model.specialTokenSuffix) : ([], [])
        var ids: [Int32] = []
        try LineReader.standardInput(endOfBlock: output.flush) { line in
            ids.removeAll(keepingCapacity: true)
            if json {
                let bytes = Array(line)
                let tokens = encoder.tokens(bytes, parsing: parsing)
                let offsets = tokens.characterOffsets(in: bytes).map { [$0.lowerBound, $0.upperBound] }
                ids = prefix + tokens.ids + suffix
                let encoding = Encoding(
                    ids: ids, tokens: ids.map(model.token),
                    offsets: prefix.map { _ in [0, 0] } + offsets + suffix.map { _ in [0, 0] })
                try output.write(bytes: Array(try ReportOptions.encoder.encode(encoding)) + [0x0A])
            } else {
                ids.append(contentsOf: prefix)
                encoder.encode(line, into: &ids, parsing: parsing)
                ids.append(contentsOf: suffix)
                try output.write(ids: ids)
            }
            count += ids.count
            if let id = model.unknownID { unknown += ids.count { $0 == id } }
        }
    }
}

/// `pretrain tokenizer decode`.
struct TokenizerDecodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "Reads lines of ids from standard input and prints the text of each, and a line feed.",
        discussion: """
            Of a byte-level BPE these are the exact bytes that were encoded; a WordPiece or a Unigram keeps less of the text \
            (spaces, often accents and capital letters), and its decoder puts together what there is.
            """)

    @Argument(
        help: ArgumentHelp(
            "A tokenizer.json (byte-level BPE, WordPiece or Unigram), a vocab.txt of BERT, or a folder with one of them.",
            valueName: "tokenizer"))
    var tokenizer: String

    @Flag(name: .long, help: "Leave special tokens such as [CLS] out.")
    var skipSpecialTokens = false

    func run() async throws {
        let model = try Tokenizer(contentsOf: tokenizer)
        let output = OutputBuffer()
        var number = 0
        try output.flushing {
            try LineReader.standardInput(endOfBlock: output.flush) { line in
                number += 1
                let ids = try Self.ids(line, number, model)
                try output.write(bytes: model.decode(ids, skippingSpecialTokens: skipSpecialTokens))
                try output.write(bytes: [0x0A])
            }
        }
    }

    private static func ids(
        _ line: UnsafeBufferPointer<UInt8>, _ number: Int, _ model: Tokenizer
    ) throws -> [Int32] {
        try line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }).map { word in
            let text = String(decoding: word, as: UTF8.self)
            guard let id = Int32(text) else { throw InvalidID(line: number, text: text, problem: "is not an id") }
            guard model.contains(id) else {
                throw InvalidID(
                    line: number, text: text, problem: "is not in the vocabulary of \(model.vocabularySize) ids")
            }
            return id
        }
    }

    struct InvalidID: Error, CustomStringConvertible {
        var line: Int
        var text: String
        var problem: String
        var description: String { "standard input, line \(line): `\(text.prefix(40))` \(problem)" }
    }
}
