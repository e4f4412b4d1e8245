/// A piece of HTML. What is interpolated into it is text and is escaped, unless it is HTML itself.
struct HTML: ExpressibleByStringInterpolation, Sendable, Equatable {
    private(set) var text: String

    static let empty = HTML(trusted: "")

    /// - Parameter trusted: HTML as it stands: of this program, never of a file.
    init(trusted: String) { text = trusted }
    init(stringLiteral: String) { text = stringLiteral }
    init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + 16 * interpolationCount)
        }
        mutating func appendLiteral(_ literal: String) { text += literal }
        mutating func appendInterpolation(_ html: HTML) { text += html.text }
        mutating func appendInterpolation(_ pieces: [HTML]) { for piece in pieces { text += piece.text } }
        mutating func appendInterpolation(_ content: String) { text += HTML.escaped(content) }
        mutating func appendInterpolation(_ number: Int) { text += String(number) }
    }

    static func + (first: HTML, second: HTML) -> HTML { HTML(trusted: first.text + second.text) }

    /// Text as content or as the value of an attribute in quotes. Characters that are not allowed, and those that turn the
    /// direction of what follows, become U+FFFD.
    static func escaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\t", "\n", "\r": result.unicodeScalars.append(scalar)
            default: result.unicodeScalars.append(isHarmful(scalar) ? "\u{FFFD}" : scalar)
            }
        }
        return result
    }

    /// Text that a script shows as text: nothing in it is markup, but it may still turn directions.
    static func plain(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { isHarmful($0) ? "\u{FFFD}" : $0 }))
    }

    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": true
        default: false
        }
    }

    /// JSON for a script element that is data: nothing in it can end the element.
    static func json(_ text: String) -> HTML {
        HTML(
            trusted: text.replacing("<", with: "\\u003c").replacing("\u{2028}", with: "\\u2028")
                .replacing("\u{2029}", with: "\\u2029"))
    }
}
