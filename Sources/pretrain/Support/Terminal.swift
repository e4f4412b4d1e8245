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
        FileHandle.standardError.write(Data("error: \(message)\n".utf8))
    }

    static func note(_ message: String) {
        FileHandle.standardError.write(Data("\(message)\n".utf8))
    }
}
