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
            Reads lines from standard input. On a terminal, tokens are coloured from yellow to red; elsewhere each word \
            of which a token has a probability above a half stands in brackets with the highest. With --json: one object a \
            line with ids, tokens, offsets into the line's characters, and logits, [CLS] and [SEP] included.

              echo "The cat sat on the parliament." | pretrain detect checkpoints/demo

            --score prints one number a line instead, the higher the stranger: for lines of logs, recognized print, web text. \
            sum: −log p(original) over all tokens; mean: that by the number of tokens; worst: the highest probability of a \
            replacement. With --clean, a file of ordinary lines, a 1 or 0 behind it tells whether the line is beyond what all but \
            a share of these (--false-alarms) reach. With --labelled every line begins with 1 (strange) or 0 and a tab, and \
            the area under the curve is told at the end.

              pretrain detect checkpoints/logs --score mean --clean ordinary.log < today.log
              pretrain detect checkpoints/logs --score worst --labelled --json < labelled.tsv
            """)

    @Argument(help: "A checkpoint, or a run directory, which stands for its newest one.", completion: .directory)
    var checkpoint: String
    @Option(help: "Print a score for each line: sum, mean or worst.")
    var score: LineScore?
    @Option(help: "With --score: a file of ordinary lines that set a threshold.", completion: .file())
    var clean: String?
    @Option(help: "Share of the ordinary lines that may be beyond the threshold. Default: 0.01.")
    var falseAlarms: Double?
    @Flag(help: "With --score: lines begin with 1 or 0 and a tab.")
    var labelled = false
    @OptionGroup var threading: ThreadOptions
    @OptionGroup var report: ReportOptions

    /// One line of `--json`.
    struct Detection: Encodable {
        var ids: [Int32]
        var tokens: [String]
        /// Start and end of each token in characters of the line, as Python counts them; both 0 for [CLS] and [SEP].
        var offsets: [[Int]]
        var logits: [Float]
    }

    func validate() throws {
        if score == nil, clean != nil || labelled || falseAlarms != nil {
            throw ValidationError("--clean, --false-alarms and --labelled go with --score")
        }
        if clean == nil, falseAlarms != nil { throw ValidationError("--false-alarms goes with --clean") }
        if let falseAlarms, !(0..<1).contains(falseAlarms) {
            throw ValidationError("--false-alarms is a share, from 0 to below 1")
        }
    }

    func run() throws {
        let model = try LoadedModel(path: checkpoint, threads: threading.count)
        guard model.configuration.objective.name.detects || model.configuration.objective.name.isGated else {
            throw UnsuitableInput(
                "\(model.path): its objective, \(model.configuration.objective.name.rawValue), detects nothing; name a run "
                    + "with objective.name electra, metro or coco_lm")
        }
        if let score {
            let threshold = try clean.map {
                try LineScores.threshold(ofFile: $0, score, falseAlarms: falseAlarms ?? 0.01, model)
            }
            return try LineScores(score: score, threshold: threshold, isLabelled: labelled, json: report.json).run(
                model)
        }
        let output = OutputBuffer()
        if !report.json, Terminal.standardOutputIsTerminal { Terminal.note(Self.legend, isStyled: Terminal.colours) }
        var isFormNoted = false
        var lines: [[UInt8]] = []
        var unknown = UnknownTokens(model.tokenizer)
        defer { unknown.tell() }
        func show() throws {
            let detections = try Detections(lines, model)
            unknown.add(count: detections.unknown)
            for (line, found) in zip(lines, detections.all) {
                let shown =
                    report.json
                    ? String(decoding: try ReportOptions.encoder.encode(found.detection), as: UTF8.self)
                    : text(
                        found.logits, found.ranges,
                        in: Terminal.standardOutputIsTerminal ? Detections.text(ofLine: line) : line)
                try output.write(bytes: Array(shown.utf8) + [0x0A])
            }
            lines = []
            try output.flush()
        }
        try LineReader.standardInput(endOfBlock: show) { line in
            if !isFormNoted, let note = UnicodeFormNote.note(Array(line), model.tokenizer) {
                isFormNoted = true
                Terminal.note("note: \(note)")
            }
            lines.append(Array(line))
        }
    }

    /// What the colours mean, or the brackets where there are none.
    private static var legend: String {
        guard Terminal.outputColours else { return "in brackets: words that were more likely replaced than not" }
        let shades = [0.3, 0.5, 0.7, 0.9].map { BeliefColour.paint("\(Int($0 * 100)) %", probability: $0) }
        return "believed replaced, from: " + shades.joined(separator: " ")
    }

    private func text(_ logits: [Float], _ ranges: [Range<Int>], in line: [UInt8]) -> String {
        let parts = TokenText.joined(TokenText.parts(of: line, ranges, logits.map { 1 / (1 + exp(-Double($0))) }))
        // In a pipe the text is for programs, which want it as it was.
        func shown(_ text: String) -> String { Terminal.standardOutputIsTerminal ? Terminal.escaped(text) : text }
        let line =
            Terminal.outputColours
            ? parts.map { BeliefColour.paint(Terminal.escaped($0.text), probability: $0.probability) }.joined()
            : TokenText.words(parts).map {
                $0.probability > 0.5
                    ? "[\(shown($0.text)) \(String(format: "%.2f", $0.probability))]" : shown($0.text)
            }.joined()
        guard Terminal.standardOutputIsTerminal, let highest = parts.map(\.probability).max(), highest <= 0.5 else {
            return line
        }
        return line + "   (nothing suspicious; the highest is \(Int((100 * highest).rounded())) %)"
    }
}
