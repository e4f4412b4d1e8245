import ArgumentParser
import Foundation
import Pretraining
import Tokenization

struct FillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fill",
        abstract: "Shows the likeliest tokens for each [MASK] of a text.",
        discussion: """
            Reads lines from standard input, and asks the generator, or the encoder of a masked language model. A mask is \
            written as the tokenizer has it: [MASK], or <mask>. The likeliest stands first, with its probability; a token that \
            begins a word has the space before it, so that spaces before a mask belong to what it stands for. With --json: one \
            object a line.

              echo "The [MASK] of the United States" | pretrain fill checkpoints/demo
            """)

    @Argument(help: "A checkpoint, or a run directory, which stands for its newest one.", completion: .directory)
    var checkpoint: String
    @Option(help: "How many for each mask.")
    var top = 5
    @OptionGroup var report: ReportOptions

    struct Candidate: Encodable {
        var token: String
        var id: Int32
        var probability: Double
    }

    /// One line of `--json`.
    struct Filling: Encodable {
        var text: String
        /// For each mask.
        var candidates: [[Candidate]]
    }

    func validate() throws {
        if top < 1 { throw ValidationError("--top must be at least 1") }
    }

    func run() throws {
        let model = try LoadedModel(path: checkpoint, threads: 1)
        guard model.engine.objective.predictsMaskedTokens else {
            throw UnsuitableInput(
                "\(model.path) predicts no masked tokens: it has no generator and is no masked language model")
        }
        let mask = model.tokenizer.token(model.engine.special.mask)
        let output = OutputBuffer()
        var number = 0
        var unknown = UnknownTokens(model.tokenizer)
        defer { unknown.tell() }
        try output.flushing {
            try LineReader.standardInput(endOfBlock: output.flush) { line in
                number += 1
                let filling = try fill(Array(line), number, mask, model, &unknown)
                let shown =
                    report.json
                    ? String(decoding: try ReportOptions.encoder.encode(filling), as: UTF8.self) : text(filling)
                try output.write(bytes: Array(shown.utf8) + [0x0A])
            }
        }
    }

    private func fill(
        _ line: [UInt8], _ number: Int, _ mask: String, _ model: LoadedModel, _ unknown: inout UnknownTokens
    ) throws -> Filling {
        let special = model.engine.special
        let content = model.tokenizer.encode(
            isSpaceOfToken(model) ? Self.line(line, joining: mask) : line, parsing: .all)
        unknown.add(content)
        let ids = [special.classification] + content + [special.separator]
        let places = ids.indices.filter { ids[$0] == special.mask }
        func fail(_ problem: String) -> UnsuitableInput {
            UnsuitableInput("standard input, line \(number): \(problem)")
        }
        if places.isEmpty { throw fail("has no \(mask)") }
        let longest = model.configuration.corpus.sequenceLength
        if ids.count > longest { throw fail("has \(ids.count) tokens, and the model takes \(longest); shorten it") }
        let found = try model.engine.candidates(ids, places: places, count: top)
        return Filling(
            text: String(decoding: line, as: UTF8.self),
            candidates: found.map { candidates in
                candidates.map {
                    Candidate(
                        token: String(decoding: model.tokenizer.decode([$0.token]), as: UTF8.self), id: $0.token,
                        probability: $0.probability)
                }
            })
    }

    /// Whether the space before a word is part of its first token, which a mask replaces whole.
    private func isSpaceOfToken(_ model: LoadedModel) -> Bool { model.tokenizer.kind == .byteLevelBPE }

    /// A line without the spaces before its masks.
    static func line(_ line: [UInt8], joining mask: String) -> [UInt8] {
        let mask = Array(mask.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < line.count {
            if line[index...].starts(with: mask) {
                while result.last == UInt8(ascii: " ") { result.removeLast() }
                result += mask
                index += mask.count
            } else {
                result.append(line[index])
                index += 1
            }
        }
        return result
    }

    /// A line for each mask.
    private func text(_ filling: Filling) -> String {
        filling.candidates.map { candidates in
            candidates.map {
                "\(Terminal.escaped($0.token).debugDescription) \(String(format: "%.3f", $0.probability))"
            }
            .joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
