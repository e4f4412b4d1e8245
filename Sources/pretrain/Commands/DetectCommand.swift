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
            with a probability above a half stands in brackets with it. With --json: one object a line with ids, tokens \
            and logits, [CLS] and [SEP] included.

              echo "The cat sat on the parliament." | pretrain detect checkpoints/demo
            """)

    @Argument(help: "A checkpoint, or a run directory, which stands for its newest one.", completion: .directory)
    var checkpoint: String
    @OptionGroup var report: ReportOptions

    /// One line of `--json`.
    struct Detection: Encodable {
        var ids: [Int32]
        var tokens: [String]
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
        try LineReader.standardInput(endOfBlock: output.flush) { line in
            if !isFormNoted, let note = UnicodeFormNote.note(Array(line), model.tokenizer) {
                isFormNoted = true
                Terminal.note("note: \(note)")
            }
            let detection = try detect(Array(line), model)
            let shown =
                report.json
                ? String(decoding: try ReportOptions.encoder.encode(detection), as: UTF8.self)
                : text(detection, model)
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
    private func detect(_ line: [UInt8], _ model: LoadedModel) throws -> Detection {
        let special = model.engine.special
        let longest = model.configuration.corpus.sequenceLength - 2
        let content = model.tokenizer.encode(line)
        var result = Detection(ids: [], tokens: [], logits: [])
        for start in stride(from: 0, to: max(content.count, 1), by: longest) {
            let piece = content[start..<min(start + longest, content.count)]
            let ids = [special.classification] + piece + [special.separator]
            result.ids += ids
            result.logits += model.engine.detect(ids)
        }
        result.tokens = result.ids.map { model.tokenizer.token($0) }
        return result
    }

    private func text(_ detection: Detection, _ model: LoadedModel) -> String {
        let special = [model.engine.special.classification, model.engine.special.separator]
        let tokens = zip(detection.ids, detection.logits).filter { !special.contains($0.0) }
        let parts = TokenText.joined(
            tokens.map { (model.tokenizer.bytes(of: $0) ?? [], 1 / (1 + exp(-Double($1)))) }
        )
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
