import Foundation
import TestSupport
import Testing

/// The built executable, run as a child process.
struct Program {
    /// How a child process ended.
    struct Outcome {
        /// Exit status; 128 + the signal's number if a signal ended it, as shells count.
        var status: Int32
        var output: String
        var errors: String
        var wasKilled: Bool

        /// The one object of `--json`.
        func json() throws -> [String: Any] {
            try #require(
                try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "no object: \(output)")
        }
    }

    /// The executable that was built with this test bundle, beside which it lies.
    static let path: String = {
        let bundle = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
        let candidates = [bundle, URL(fileURLWithPath: CommandLine.arguments[0])].map {
            $0.deletingLastPathComponent().appendingPathComponent("pretrain").path
        }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) } ?? candidates[0]
    }()

    /// Runs to the end.
    static func run(
        _ arguments: [String], input: String? = nil, environment: [String: String]? = nil, in folder: String? = nil
    ) throws -> Outcome {
        try Child(path, arguments, input: input, environment: environment, in: folder).wait()
    }

    /// Runs a shell command in which `$PRETRAIN` is the executable.
    static func shell(_ command: String, in folder: String) throws -> Outcome {
        var environment = ProcessInfo.processInfo.environment
        environment["PRETRAIN"] = path
        return try Child("/bin/bash", ["-c", command], input: nil, environment: environment, in: folder).wait()
    }

    static func start(_ arguments: [String], in folder: String? = nil) throws -> Child {
        try Child(path, arguments, input: nil, environment: nil, in: folder)
    }
}

/// A child process under way. Its streams are files, so that it never waits for a reader.
final class Child {
    private let process = Process()
    private let streams: TemporaryFolder
    private let deadline = Date(timeIntervalSinceNow: 120)

    init(
        _ path: String, _ arguments: [String], input: String?, environment: [String: String]?, in folder: String?
    ) throws {
        streams = try TemporaryFolder()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        if let environment { process.environment = environment }
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        process.standardInput = FileHandle(forReadingAtPath: try streams.write(input ?? "", to: "input"))
        process.standardOutput = FileHandle(forWritingAtPath: try streams.write("", to: "output"))
        process.standardError = FileHandle(forWritingAtPath: try streams.write("", to: "errors"))
        // Threads of Dispatch block signals, which a child would inherit: a launcher would not hear them.
        var (none, own) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &own)
        defer { pthread_sigmask(SIG_SETMASK, &own, nil) }
        try process.run()
    }

    var identifier: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }
    var errors: String { (try? streams.text("errors")) ?? "" }

    func send(_ signal: Int32) { if process.isRunning { kill(identifier, signal) } }

    func wait() throws -> Program.Outcome {
        try waitUntil { !process.isRunning }
        let wasKilled = process.terminationReason == .uncaughtSignal
        return Program.Outcome(
            status: wasKilled ? 128 + process.terminationStatus : process.terminationStatus,
            output: try streams.text("output"), errors: errors, wasKilled: wasKilled)
    }

    /// Looks every millisecond until the condition holds or the process is gone.
    func waitUntil(_ condition: () -> Bool) throws {
        while !condition(), process.isRunning {
            if Date() > deadline {
                kill(identifier, SIGKILL)
                throw Overdue(arguments: process.arguments ?? [], errors: errors)
            }
            usleep(1000)
        }
    }

    struct Overdue: Error {
        var arguments: [String]
        var errors: String
    }

    deinit { if process.isRunning { kill(identifier, SIGKILL) } }
}
