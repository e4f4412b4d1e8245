import Foundation

/// What a command prints beside its result: everything that is not the result goes to standard error.
enum Terminal {
    static let standardErrorIsTerminal = isatty(STDERR_FILENO) == 1
    static let standardOutputIsTerminal = isatty(STDOUT_FILENO) == 1

    /// Whether standard error takes colours: a terminal, and NO_COLOR (no-color.org) is not set.
    static let colours = standardErrorIsTerminal && permitsColours
    static let outputColours = standardOutputIsTerminal && permitsColours

    /// Columns of standard output where it is a terminal, at most as many as a line can be read with; 100 elsewhere.
    static let outputColumns: Int = {
        var size = winsize()
        guard standardOutputIsTerminal, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return 100
        }
        return min(Int(size.ws_col), 120)
    }()

    /// Columns of standard error as it is now; nil where it is no terminal.
    static var errorColumns: Int? {
        var size = winsize()
        guard standardErrorIsTerminal, ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return nil
        }
        return Int(size.ws_col)
    }

    private static let permitsColours: Bool = {
        let environment = ProcessInfo.processInfo.environment
        return (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }()

    static func complain(_ message: String) {
        note("error: \(message)")
    }

    /// The text with control characters written out, but for line feeds and tabs: paths and corpora may hold any, and
    /// on a terminal they could rewrite what stands there.
    static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        return text.unicodeScalars.map {
            isUnsafe($0) ? "\\u{\(String($0.value, radix: 16, uppercase: true))}" : String($0)
        }.joined()
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
    }

    /// Writes a line to standard error. What nobody can see, because it is closed or full, is no reason to stop.
    ///
    /// - Parameter isStyled: whether its control characters are our own, for colours, and therefore stay.
    static func note(_ message: String, isStyled: Bool = false) {
        var rest = Array("\(isStyled ? message : escaped(message))\n".utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return }
            rest = rest.dropFirst(written)
        }
    }
}
