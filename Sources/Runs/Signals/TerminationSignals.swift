import Atomics
import Foundation

/// Turns the first SIGTERM, SIGINT, SIGUSR1 or SIGHUP into a request that long work polls; a second one ends the process at once
/// with status 128 + its number. What arrives once and is sent twice is none: the same signal again within a second (`timeout`
/// sends it to the program and to its group), and SIGHUP, which both the shell and the kernel send where a terminal is closed.
///
/// The handler does only what is safe at any instant: atomic operations, a look at the clock, and `_exit`.
public enum TerminationSignals {
    /// The signals, with their numbers on Linux.
    public enum Signal: Int32, Sendable, CaseIterable, CustomStringConvertible {
        case userDefined1 = 10
        case hangUp = 1
        case interrupt = 2
        case terminate = 15

        public var description: String {
            switch self {
            case .hangUp: "SIGHUP"
            case .interrupt: "SIGINT"
            case .terminate: "SIGTERM"
            case .userDefined1: "SIGUSR1"
            }
        }
    }

    /// Installs the handlers. Calling it again changes nothing.
    ///
    /// SIGHUP stays ignored where it was, as under nohup: whoever started the program wants it to outlive the terminal.
    public static func install() {
        // Touches the global first: its allocation must not happen in the handler.
        _ = (pendingNumber.load(ordering: .relaxed), own.load(ordering: .relaxed))
        for signal in Signal.allCases {
            var action = sigaction()
            if signal == .hangUp, sigaction(signal.rawValue, nil, &action) == 0, isIgnored(action) { continue }
            action = sigaction()
            action.__sigaction_handler.sa_handler = handler
            sigemptyset(&action.sa_mask)
            // System calls under way go on by themselves, so no other code has to expect EINTR.
            action.sa_flags = SA_RESTART
            sigaction(signal.rawValue, &action, nil)
        }
    }

    private static func isIgnored(_ action: sigaction) -> Bool {
        unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// The first signal that has arrived since `install`; nil while training may go on.
    public static var pending: Signal? { Signal(rawValue: pendingNumber.load(ordering: .acquiring)) }

    /// - Throws: `CancellationError` once a signal has arrived.
    public static func check() throws {
        if pending != nil { throw CancellationError() }
    }

    /// A signal that another process of the same run has received. This one's own is still its first.
    package static func note(_ number: Int32) {
        _ = pendingNumber.compareExchange(expected: 0, desired: number, ordering: .acquiringAndReleasing)
    }

    /// Forgets a signal that has been dealt with.
    package static func reset() {
        own.store(0, ordering: .releasing)
        pendingNumber.store(0, ordering: .releasing)
    }
}

/// Number of the first signal; 0 for none. Never freed, so the handler can use it until the end.
private let pendingNumber = UnsafeAtomic<Int32>.create(0)

/// The first signal that this process has received itself, in its lowest byte, and above it when, in milliseconds of a clock that
/// only goes forward: in one, as the second may come on another thread at once. 0 for none.
private let own = UnsafeAtomic<Int64>.create(0)

private let handler: @convention(c) (Int32) -> Void = { number in
    var clock = timespec()
    clock_gettime(CLOCK_MONOTONIC, &clock)
    let now = Int64(clock.tv_sec) * 1000 + Int64(clock.tv_nsec) / 1_000_000
    let (isFirst, first) = own.compareExchange(
        expected: 0, desired: now << 8 | Int64(number), ordering: .acquiringAndReleasing)
    if isFirst {
        _ = pendingNumber.compareExchange(expected: 0, desired: number, ordering: .acquiringAndReleasing)
        return
    }
    let isAgain = Int64(number) == first & 0xFF && now - first >> 8 < 1000
    if number != TerminationSignals.Signal.hangUp.rawValue, !isAgain { _exit(128 + number) }
}
