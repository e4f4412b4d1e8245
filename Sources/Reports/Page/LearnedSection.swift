import Formatting
import Foundation
import Pretraining

/// What the model has learned: figures, sentences, words.
enum LearnedSection {
    static func html(_ report: ReportFacts) -> HTML {
        var parts: [HTML] = [figures(report.runs)]
        for (index, run) in report.runs.enumerated() where !run.samples.isEmpty {
            parts.append(
                "<h3>Sample sentences\(report.runs.count > 1 ? " – \(PageParts.name(run, index))" as HTML : .empty)</h3>"
            )
            parts.append(samples(run))
        }
        for (index, run) in report.runs.enumerated() where !run.neighbours.isEmpty {
            parts.append(
                "<h3>Nearest neighbours\(report.runs.count > 1 ? " – \(PageParts.name(run, index))" as HTML : .empty)</h3>"
            )
            parts.append(neighbours(run))
        }
        return HTML(trusted: parts.map(\.text).joined(separator: "\n"))
    }

    private static let titles: [(name: String, title: String, format: String)] = [
        ("corrective_loss", "prediction loss (nats)", "%.4f"), ("corrective_accuracy", "prediction accuracy", "%"),
        ("generator_loss", "generator loss (nats)", "%.4f"), ("generator_accuracy", "generator accuracy", "%"),
        ("unigram_entropy", "entropy of word frequencies (nats)", "%.4f"),
        ("unigram_loss", "loss on masked words by their frequencies (nats)", "%.4f"),
        ("discriminator_loss", "discriminator loss (nats)", "%.4f"),
        ("discriminator_auc", "detection AUC", "%.4f"), ("discriminator_precision", "detection precision", "%"),
        ("discriminator_recall", "detection recall", "%"), ("replaced_fraction", "tokens replaced", "%"),
        ("contrastive_loss", "contrastive loss (nats)", "%.4f"), ("contrastive_accuracy", "contrastive accuracy", "%"),
    ]

    private static func figures(_ runs: [RunFacts]) -> HTML {
        let known = titles.map(\.name)
        let others = Set(runs.flatMap { $0.heldOut.keys }).subtracting(known).subtracting([
            "generator_sampled_accuracy", "discriminator_accuracy", "texts",
        ])
        let rows = (titles + others.sorted().map { ($0, $0.replacing("_", with: " "), "%.4f") }).compactMap {
            name, title, format -> [HTML]? in
            guard runs.contains(where: { $0.heldOut[name] != nil }) else { return nil }
            return [PageParts.text(title)]
                + runs.map { run in
                    PageParts.text(
                        format == "%"
                            ? PageParts.percent(run.heldOut[name]) : PageParts.number(run.heldOut[name], format))
                }
        }
        guard !rows.isEmpty else { return "<p>There has been no evaluation yet.</p>" }
        let header: [HTML] =
            runs.count == 1
            ? ["on held-out text", "at step \(CountFormat.grouped(runs[0].curves.heldOut.step.last ?? 0))"]
            : ["on held-out text"]
                + runs.enumerated().map {
                    "\(PageParts.name($1, $0)) <span class=\"note\">step \(CountFormat.grouped($1.curves.heldOut.step.last ?? 0))</span>"
                }
        return PageParts.table(header, rows, numeric: Set(1...max(1, runs.count)))
    }

    // MARK: - Sentences

    private static func samples(_ run: RunFacts) -> HTML {
        guard let newest = run.samples.first else { return .empty }
        let fillsMasks = newest.samples.contains { sample in sample.tokens.contains { $0.likelihood != nil } }
        let steps: HTML = "<span class=\"belief\">\([0.1, 0.3, 0.5, 0.7, 0.9].map(scaleStep))</span>"
        let scale: HTML =
            fillsMasks
            ? """
            <p class="note">Boxed tokens were masked: the model's best guess, and behind it, struck out, the original where it is another. The \
            stronger a token's ground, the less the model expected the original: \(steps)</p>
            """
            : """
            <p class="note">The generator put the boxed token in place of the one struck out. The stronger a token's ground, the more the \
            detector believes that it was replaced: \(steps)</p>
            """
        let earlier = run.samples.dropFirst().map { sample in
            PageParts.details(
                "The same after step \(CountFormat.grouped(sample.step))",
                HTML(trusted: sample.samples.map { sentence($0).text }.joined()))
        }
        return """
            \(scale)<div class="samples"><p class="note">After step \(CountFormat.grouped(newest.step)):</p>\(newest.samples.map(sentence))\
            </div>\(Array(earlier))
            """
    }

    private static func scaleStep(_ probability: Double) -> HTML {
        "<span class=\"t\" style=\"--p:\(PageParts.number(probability, "%.2f"))\">\(Int(100 * probability)) %</span>"
    }

    private static func sentence(_ sample: EvaluationSample) -> HTML {
        let tokens = sample.tokens.map { token -> HTML in
            let belief = String(
                format: "%.2f", locale: nil, token.emphasis.isFinite ? min(max(token.emphasis, 0), 1) : 0)
            let percent = "\(Int((100 * (Double(belief) ?? 0)).rounded())) %"
            let shown = visible(token.text)
            if let likelihood = token.likelihood {
                let expected = "\(likelihood.isFinite ? Int((100 * min(max(likelihood, 0), 1)).rounded()) : 0) %"
                let original: HTML = token.original.map { "<del>\(visible($0))</del>" } ?? .empty
                return """
                    <span class="t r" style="--p:\(belief)" title="masked; the original's probability: \(expected)">\(shown)\(original)</span>
                    """
            }
            if let original = token.original {
                return """
                    <span class="t r" style="--p:\(belief)" title="replaced; believed replaced: \(percent)">\(shown)<del>\(visible(original))\
                    </del></span>
                    """
            }
            // What nobody doubts needs no ground, and most tokens are of this kind.
            if token.emphasis < 0.05 { return "\(shown)" }
            return
                "<span class=\"t\" style=\"--p:\(belief)\" title=\"original; believed replaced: \(percent)\">\(shown)</span>"
        }
        return "<p class=\"sample\" dir=\"auto\">\(tokens)</p>"
    }

    /// Line breaks would be blanks.
    private static func visible(_ text: String) -> String {
        text.map { $0.isNewline ? "⏎" : $0 == "\t" ? "→" : String($0) }.joined()
    }

    // MARK: - Words

    private static func neighbours(_ run: RunFacts) -> HTML {
        let words = run.neighbours.map { facts -> HTML in
            let list = facts.neighbours.map { neighbour -> HTML in
                """
                <li style="--c:\(PageParts.number(max(0, neighbour.cosine), "%.2f"))"><span dir="auto">\(neighbour.word)</span> \
                <small>\(PageParts.number(neighbour.cosine, "%.2f"))</small></li>
                """
            }
            return "<div class=\"word\"><h4 dir=\"auto\">\(facts.word)</h4><ol>\(list)</ol></div>"
        }
        return """
            <p class="note">Words of the vocabulary whose vectors in the word table, less the mean of all, point most nearly the same way, with the cosine. \
            Words are drawn from the more frequent half of those that are single tokens.</p><div class="words">\(words)</div>
            """
    }
}
