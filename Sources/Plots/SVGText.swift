import Foundation

/// Pieces of SVG.
enum SVGText {
    /// Text as XML content or attribute value. Characters that XML 1.0 forbids become U+FFFD.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            // A line break in a label is a blank: SVG text has no lines.
            case "\t", "\n", "\r": result += " "
            default:
                let allowed = (0x20...0xFFFD).contains(scalar.value) || scalar.value >= 0x1_0000
                let control = (0x7F...0x9F).contains(scalar.value)
                result.unicodeScalars.append(allowed && !control ? scalar : "\u{FFFD}")
            }
        }
        return result
    }

    /// A coordinate with at most two decimals; far outside what can be seen, the nearest that renderers agree on.
    static func number(_ value: Double) -> String {
        let bounded = value.isNaN ? 0 : min(max(value, -100_000), 100_000)
        let hundredths = Int((bounded * 100).rounded())
        let (whole, rest) = (abs(hundredths) / 100, abs(hundredths) % 100)
        let sign = hundredths < 0 ? "-" : ""
        if rest == 0 { return "\(sign)\(whole)" }
        return rest % 10 == 0 ? "\(sign)\(whole).\(rest / 10)" : "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// About how wide a text comes out, in units: viewers have different fonts, so this is on the safe side.
    static func width(_ text: String, size: Double) -> Double {
        text.unicodeScalars.reduce(0) { sum, scalar in
            switch scalar {
            case "i", "j", "l", "I", ".", ",", ":", ";", "'", "|", "!": sum + 0.3
            case "m", "w", "M", "W", "@", "%": sum + 0.92
            case "A"..."Z": sum + 0.7
            case _ where scalar.value >= 0x1100: sum + 1
            default: sum + 0.57
            }
        } * size
    }

    enum Anchor: String {
        case start
        case middle
        case end
    }

    static func text(
        _ content: String, x: Double, y: Double, size: Double, anchor: Anchor = .start, colour: String,
        bold: Bool = false, rotated: Bool = false
    ) -> String {
        guard !content.isEmpty else { return "" }
        let turn = rotated ? " transform=\"rotate(-90 \(number(x)) \(number(y)))\"" : ""
        return "<text x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(number(size))\" fill=\"\(colour)\""
            + (anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\"") + (bold ? " font-weight=\"600\"" : "")
            + "\(turn)>\(escaped(content))</text>\n"
    }

    static func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, colour: String, width: Double = 1, dashes: String = ""
    ) -> String {
        "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" stroke=\"\(colour)\""
            + " stroke-width=\"\(number(width))\"" + (dashes.isEmpty ? "" : " stroke-dasharray=\"\(dashes)\"") + "/>\n"
    }
}
