import Foundation

/// A process of the program, with its streams in files.
final class Child {
    enum End: Equatable {
        case exited(Int32)
        case killed(Int32)
    }

    struct Outcome {
        var end: End
        var output: String
        var errors: String

        var succeeded: Bool { end == .exited(0) }

        /// Whether there is nothing left to do, as it was ended, or an error met, between its last deed and its end.
        var isAlreadyDone: Bool {
            ["has finished its", "hf is not empty"].contains { errors.contains($0) }
        }

        /// Fails for what must never happen, however a run is disturbed.
        func check(mayBeKilled: Bool = false) throws {
            if case .killed(let signal) = end, !(mayBeKilled && signal == SIGKILL) {
                throw Finding("ended by signal \(signal): \(shown)")
            }
            try checkText()
            if case .exited(let status) = end, ![0, 1, 75].contains(status) {
                throw Finding("exit status \(status): \(shown)")
            }
        }

        /// Fails if it has crashed, as what it has printed tells.
        func checkText() throws {
            for text in ["Fatal error", "Swift runtime failure", "Illegal instruction", "corrupted"]
            where errors.contains(text) {
                throw Finding("\(text): \(shown)")
            }
        }

        var shown: String { String(errors.suffix(1500)) }
    }

    let identifier: pid_t
    private let streams: String
    private var status: Int32?

    /// - Parameter streams: a prefix of the files for its output and errors.
    init(_ program: String, _ arguments: [String], environment more: [String: String] = [:], streams: String) throws {
        self.streams = streams
        var environment = ProcessInfo.processInfo.environment
        // Whoever started this tool may have the program's own choice in the environment.
        environment["OPENBLAS_CORETYPE"] = nil
        environment["OPENBLAS_L2_SIZE"] = nil
        environment.merge(more) { $1 }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, streams + ".out", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_addopen(&actions, 2, streams + ".err", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        var words = ([program] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for word in words + variables { free(word) } }
        var identifier: pid_t = 0
        let code = posix_spawn(&identifier, program, &actions, nil, &words, &variables)
        guard code == 0 else { throw Finding("cannot start \(program): \(String(cString: strerror(code)))") }
        self.identifier = identifier
    }

    func send(_ signal: Int32) { if status == nil { kill(identifier, signal) } }

    /// Whether it has ended by now.
    var hasEnded: Bool {
        if status != nil { return true }
        var found: Int32 = 0
        if waitpid(identifier, &found, WNOHANG) == identifier { status = found }
        return status != nil
    }

    /// Waits for some time.
    ///
    /// - Returns: whether it has ended.
    func wait(seconds: Double) -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while !hasEnded {
            let left = ContinuousClock.now.duration(to: end) / .seconds(1)
            if left <= 0 { return false }
            usleep(UInt32(min(left * 1e6, 500)) + 1)
        }
        return true
    }

    /// - Throws: a `Finding` for a process that has not ended after ten minutes, far more than any needs on a busy machine.
    func end(within seconds: Double = 600) throws -> Outcome {
        let ended = wait(seconds: seconds)
        if !ended {
            send(SIGKILL)
            _ = wait(seconds: 10)
        }
        let text = { [streams] (end: String) in
            String(decoding: FileManager.default.contents(atPath: streams + end) ?? Data(), as: UTF8.self)
        }
        let status = status ?? 0
        let signal = status & 0x7f
        let outcome = Outcome(
            end: signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal), output: text(".out"),
            errors: text(".err"))
        unlink(streams + ".out")
        unlink(streams + ".err")
        guard ended else { throw Finding("has not ended within \(Int(seconds)) s: \(outcome.shown)") }
        return outcome
    }

    deinit {
        if !hasEnded {
            kill(identifier, SIGKILL)
            waitpid(identifier, nil, 0)
        }
    }
}
