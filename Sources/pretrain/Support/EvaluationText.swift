import Formatting
import Foundation
import Pretraining

/// Evaluations as text for people.
enum EvaluationText {
    /// Figures, a warning where the discriminator sits at the majority class, and samples.
    ///
    /// - Parameter columns: of the terminal; nil where lines may have any length.
    static func summary(_ report: EvaluationReport, colours: Bool, columns: Int?) -> String {
        func number(_ value: Double?, _ digits: Int = 3) -> String {
            value.map { String(format: "%.\(digits)f", $0) } ?? "none"
        }
        func percent(_ value: Double?) -> String { value.map { String(format: "%.1f %%", 100 * $0) } ?? "none" }
        let frequencies = " (frequencies alone: \(number(report.unigramLoss)))"
        var lines = [
            "evaluation at step \(CountFormat.grouped(report.step)), \(CountFormat.grouped(report.tokens)) held-out tokens"
        ]
        if let checkpoint = report.corruptionFrom { lines.append("  replacements   from \(checkpoint)") }
        if report.generatorLoss != nil {
            lines.append(
                "  generator      loss \(number(report.generatorLoss))\(frequencies), "
                    + "accuracy \(percent(report.generatorAccuracy))")
        }
        if report.discriminatorLoss != nil {
            lines.append(
                "  discriminator  loss \(number(report.discriminatorLoss, 4)), AUC \(number(report.discriminatorAuc)), "
                    + "precision \(percent(report.discriminatorPrecision)), recall \(percent(report.discriminatorRecall)); "
                    + "\(percent(report.replacedFraction)) of the tokens are replaced")
        }
        if report.correctiveLoss != nil {
            lines.append(
                "  prediction     loss \(number(report.correctiveLoss))\(report.generatorLoss == nil && report.unigramLoss != nil ? frequencies : ""), "
                    + "accuracy \(percent(report.correctiveAccuracy))")
        }
        if report.contrastiveLoss != nil {
            lines.append(
                "  contrast       loss \(number(report.contrastiveLoss)), accuracy \(percent(report.contrastiveAccuracy))"
            )
        }
        for source in report.sources ?? [] {
            let losses = [
                ("generator", source.generatorLoss, 3), ("discriminator", source.discriminatorLoss, 4),
                ("prediction", source.correctiveLoss, 3),
            ].compactMap { name, value, digits in value.map { "\(name) \(number($0, digits))" } }
            lines.append(
                "  of \(source.path): \(losses.joined(separator: ", ")) (\(CountFormat.grouped(source.tokens)) tokens)")
        }
        if report.majorityClass {
            lines.append(
                "  warning        the discriminator calls nearly every token original: usual early on; if it lasts, the "
                    + "generator is too strong")
        }
        lines = lines.map { line in
            // Behind the name of the network, where the line has one.
            let hanging = line.hasPrefix("  ") ? 15 : 2
            let indent = line.prefix { $0 == " " }.count
            return WrappedText.text(
                [.init(text: String(line.dropFirst(indent)))], columns: columns, indent: indent, hanging: hanging)
        }
        for sample in report.samples ?? [] { lines.append(text(sample, colours: colours, columns: columns)) }
        return lines.joined(separator: "\n")
    }

    /// Tokens run together; a replaced one stands in brackets with its original, coloured by the discriminator's belief; of a model
    /// that fills masks its guesses.
    static func text(_ sample: EvaluationSample, colours: Bool, columns: Int?) -> String {
        let pieces = sample.tokens.map { token in
            let shown = printable(token.text)
            let marked =
                token.original.map { "[\(shown)←\(printable($0))]" } ?? (token.likelihood == nil ? shown : "[\(shown)]")
            return WrappedText.Piece(text: marked, isWhole: token.original != nil || token.likelihood != nil) {
                colours ? BeliefColour.paint($0, probability: token.emphasis) : $0
            }
        }
        return WrappedText.text(pieces, columns: columns, hanging: 0)
    }

    /// Line breaks and controls would tear the line.
    private static func printable(_ text: String) -> String {
        Terminal.escaped(text.map { $0.isNewline ? "⏎" : $0 == "\t" ? "→" : String($0) }.joined())
    }
}

/// Colours for the discriminator's belief that a token was replaced.
enum BeliefColour {
    /// From no colour over yellow to red as the probability grows, in the 256-colour palette.
    static func paint(_ text: String, probability: Double) -> String {
        switch probability {
        case ..<0.2: text
        case ..<0.4: "\u{1B}[38;5;229m\(text)\u{1B}[0m"
        case ..<0.6: "\u{1B}[38;5;220m\(text)\u{1B}[0m"
        case ..<0.8: "\u{1B}[38;5;208m\(text)\u{1B}[0m"
        default: "\u{1B}[1;38;5;196m\(text)\u{1B}[0m"
        }
    }
}
