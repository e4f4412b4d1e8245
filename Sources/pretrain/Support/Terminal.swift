import Foundation

/// What a command prints beside its result: everything that is not the result goes to standard error.
enum Terminal {
    static let standardErrorIsTerminal = isatty(STDERR_FILENO) == 1
    static let standardOutputIsTerminal = isatty(STDOUT_FILENO) == 1

    /// Whether standard error takes colours: a terminal, and NO_COLOR (no-color.org) is not set.
    static let colours = standardErrorIsTerminal && permitsColours
    static let outputColours = standardOutputIsTerminal && permitsColours

    private static let permitsColours: Bool = {
        let environment = ProcessInfo.processInfo.environment
        return (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }()

    static func complain(_ message: String) {
        note("error: \(message)")
    }

    /// Writes a line to standard error. What nobody can see, because it is closed or full, is no reason to stop.
    static func note(_ message: String) {
        var rest = Array("\(message)\n".utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return }
            rest = rest.dropFirst(written)
        }
    }
}
