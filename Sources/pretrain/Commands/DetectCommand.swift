import ArgumentParser
import Engine
import Foundation
import Pretraining
import Tokenization

struct DetectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detect",
        abstract: "Shows, for each token of a text, how much the discriminator believes that it was replaced.",
        discussion: """
            Reads lines from standard input. On a terminal, tokens are coloured from yellow to red; elsewhere each token \
            with a probability above a half stands in brackets with it. With --json: one object a line with ids, tokens, \
            offsets into the line's characters, and logits, [CLS] and [SEP] included.

              echo "The cat sat on the parliament." | pretrain detect checkpoints/demo
            """)

    @Argument(help: "A checkpoint, or a run directory, which stands for its newest one.", completion: .directory)
    var checkpoint: String
    @OptionGroup var report: ReportOptions

    /// One line of `--json`.
    struct Detection: Encodable {
        var ids: [Int32]
        var tokens: [String]
        /// Start and end of each token in characters of the line, as Python counts them; both 0 for [CLS] and [SEP].
        var offsets: [[Int]]
        var logits: [Float]
    }

    func run() throws {
        let model = try LoadedModel(path: checkpoint, threads: 1)
        guard model.configuration.objective.name.detects || model.configuration.objective.name.isGated else {
            throw ValidationError(
                "\(model.path): its objective, \(model.configuration.objective.name.rawValue), detects nothing; name a run "
                    + "with objective.name electra, metro or coco_lm")
        }
        let output = OutputBuffer()
        if !report.json, Terminal.standardOutputIsTerminal { Terminal.note(Self.legend, isStyled: Terminal.colours) }
        var isFormNoted = false
        let encoder = TokenizerEncoder(model.tokenizer)
        var unknown = 0
        defer {
            if unknown > 0 {
                Terminal.note(
                    "note: \(unknown) tokens are unknown to the vocabulary (\(model.tokenizer.token(model.engine.special.unknown)))"
                )
            }
        }
        try LineReader.standardInput(endOfBlock: output.flush) { line in
            if !isFormNoted, let note = UnicodeFormNote.note(Array(line), model.tokenizer) {
                isFormNoted = true
                Terminal.note("note: \(note)")
            }
            let bytes = Array(line)
            let tokens = encoder.tokens(bytes)
            if let id = model.tokenizer.unknownID { unknown += tokens.ids.count { $0 == id } }
            let detection = detect(tokens, in: bytes, model)
            let shown =
                report.json
                ? String(decoding: try ReportOptions.encoder.encode(detection), as: UTF8.self)
                : text(detection, tokens.ranges, in: bytes, model)
            try output.write(bytes: Array(shown.utf8) + [0x0A])
        }
    }

    /// What the colours mean, or the brackets where there are none.
    private static var legend: String {
        guard Terminal.outputColours else { return "in brackets: tokens that were more likely replaced than not" }
        let shades = [0.3, 0.5, 0.7, 0.9].map { BeliefColour.paint("\(Int($0 * 100)) %", probability: $0) }
        return "believed replaced, from: " + shades.joined(separator: " ")
    }

    /// A line is divided into pieces that the model can take; each stands between [CLS] and [SEP].
    private func detect(_ tokens: TextTokens, in line: [UInt8], _ model: LoadedModel) -> Detection {
        let special = model.engine.special
        let longest = model.configuration.corpus.sequenceLength - 2
        var result = Detection(ids: [], tokens: [], offsets: [], logits: [])
        let offsets = tokens.characterOffsets(in: line)
        for start in stride(from: 0, to: max(tokens.ids.count, 1), by: longest) {
            let piece = start..<min(start + longest, tokens.ids.count)
            let ids = [special.classification] + tokens.ids[piece] + [special.separator]
            result.ids += ids
            result.offsets += [[0, 0]] + offsets[piece].map { [$0.lowerBound, $0.upperBound] } + [[0, 0]]
            result.logits += model.engine.detect(ids)
        }
        result.tokens = result.ids.map { model.tokenizer.token($0) }
        return result
    }

    private func text(
        _ detection: Detection, _ ranges: [Range<Int>], in line: [UInt8], _ model: LoadedModel
    ) -> String {
        let special = [model.engine.special.classification, model.engine.special.separator]
        let logits = zip(detection.ids, detection.logits).filter { !special.contains($0.0) }.map(\.1)
        let parts = TokenText.joined(TokenText.parts(of: line, ranges, logits.map { 1 / (1 + exp(-Double($0))) }))
        let line = parts.map { part in
            // In a pipe the text is for programs, which want it as it was.
            if Terminal.outputColours {
                return BeliefColour.paint(Terminal.escaped(part.text), probability: part.probability)
            }
            return part.probability > 0.5
                ? "[\(part.text) \(String(format: "%.2f", part.probability))]" : part.text
        }.joined()
        guard Terminal.standardOutputIsTerminal, let highest = parts.map(\.probability).max(), highest <= 0.5 else {
            return line
        }
        return line + "   (nothing suspicious; the highest is \(Int((100 * highest).rounded())) %)"
    }
}
