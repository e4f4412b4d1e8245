import Corpus
import Formatting
import Foundation
import Pretraining

/// What `pretrain run` came to, at its end; with `--json` as it stands.
struct RunSummary: Encodable {
    var output: String
    var step: Int
    var tokens: Int
    /// Of all starts of the run together.
    var seconds: Double
    var evaluation: EvaluationReport?
    var sources: [SourcePasses]
    var skipped: [CorpusReport.Entry]
    private var detects: Bool

    init(_ run: Run, output: String, step: Int, evaluation: EvaluationReport?, detects: Bool) {
        self.output = output
        self.step = step
        tokens = run.tokens
        seconds = run.seconds
        self.evaluation = evaluation
        sources = run.sources
        skipped = run.corpusReport.entries
        self.detects = detects
    }

    private enum CodingKeys: String, CodingKey {
        case output, step, tokens, seconds, evaluation, sources, skipped
    }

    /// What, how long, where; and what to do next.
    var text: String {
        var lines = [
            "finished \(CountFormat.grouped(step)) steps (\(CountFormat.text(tokens)) tokens) in \(DurationFormat.text(seconds))"
        ]
        if let figures { lines.append("held-out text: \(figures)") }
        lines.append("read: \(passes)")
        lines.append("the model is in \(output)")
        lines.append("next:")
        let path = ShellWord.quoted(output)
        var commands = [
            ("pretrain report \(path)", "curves, samples and costs as one page"),
            ("pretrain evaluate \(path)", "figures on held-out text"),
        ]
        if detects { commands.append(("pretrain detect \(path) < text.txt", "what looks replaced in a text")) }
        commands += [
            ("pretrain finetune \(path) --train train.jsonl --output tuned", "on labelled texts"),
            ("pretrain export \(path) --output hf", "for Transformers"),
        ]
        let widest = commands.map { TextWidth.columns($0.0) }.max() ?? 0
        lines += commands.map { command, purpose in
            let blanks = String(repeating: " ", count: widest - TextWidth.columns(command))
            let whole = "  \(command)\(blanks)  \(purpose)"
            // A narrow terminal has room for what is to be copied alone.
            return TextWidth.columns(whole) < Terminal.outputColumns ? whole : "  \(command)"
        }
        return lines.joined(separator: "\n")
    }

    private var figures: String? {
        guard let evaluation else { return nil }
        let parts = [
            ("generator loss", evaluation.generatorLoss), ("prediction loss", evaluation.correctiveLoss),
            ("AUC", evaluation.discriminatorAuc),
        ].compactMap { name, value in value.map { "\(name) \(String(format: "%.3f", $0))" } }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    /// How often each source was read.
    private var passes: String {
        sources.map { source in
            let times = source.passes == 0 ? "in part" : source.passes == 1 ? "once" : "\(source.passes) times"
            return "\(source.path) \(times) (\(CountFormat.text(source.tokens)) tokens)"
        }.joined(separator: ", ")
    }
}
