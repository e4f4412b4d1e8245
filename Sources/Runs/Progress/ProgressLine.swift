import Formatting
import Foundation
import Synchronization

/// Shows how far a run is, on standard error: one live line on a terminal, otherwise a plain line per interval.
public final class ProgressLine: Sendable {
    public enum Style: Sendable, Equatable {
        /// One line, drawn over and over; with a bar of block elements, or of ASCII.
        case live(colours: Bool, blocks: Bool)
        /// A line per interval, for logs.
        case plain
        /// Nothing at all.
        case quiet
    }

    /// How often a plain line comes; the first and the last update always give one.
    public enum Interval: Sendable, Equatable {
        case seconds(Double)
        case steps(Int)
    }

    /// Where the line goes and what the clock says.
    package struct Surroundings: Sendable {
        package var write: @Sendable (String) -> Void
        /// Seconds of a clock that never goes back.
        package var now: @Sendable () -> Double
        /// Width of the terminal in columns.
        package var columns: @Sendable () -> Int

        package init(
            write: @escaping @Sendable (String) -> Void, now: @escaping @Sendable () -> Double,
            columns: @escaping @Sendable () -> Int
        ) {
            self.write = write
            self.now = now
            self.columns = columns
        }

        static let standardError = Surroundings(
            write: { StandardError.write($0) }, now: { StandardError.seconds() },
            columns: { StandardError.columns() })
    }

    private struct State {
        /// What stands on the terminal's present line.
        var shown = ""
        /// The latest content, whether it was drawn or not.
        var pending: [ProgressField] = []
        var pendingFraction: Double?
        var pendingStep = 0
        var isStale = false
        /// While it is not 0, other output is under way and nothing is drawn.
        var interruptions = 0
        var drawnAt = -Double.infinity
        var drawnStep: Int?
    }

    /// A person cannot read faster, and a terminal over a network should not have to.
    private static let redrawInterval = 0.1

    public let style: Style
    private let interval: Interval
    private let surroundings: Surroundings
    private let state = Mutex(State())
    /// Tells when the terminal got another size. Only ever cancelled after it was made.
    private nonisolated(unsafe) var resizing: (any DispatchSourceSignal)?

    /// - Parameters:
    ///   - quiet: Shows nothing.
    ///   - interval: Between plain lines.
    public convenience init(quiet: Bool = false, interval: Interval = .seconds(10)) {
        let style =
            quiet
            ? Style.quiet
            : Self.style(isTerminal: isatty(STDERR_FILENO) == 1, environment: ProcessInfo.processInfo.environment)
        self.init(style: style, interval: interval, surroundings: .standardError)
        if case .live = style { followResizing() }
    }

    deinit { resizing?.cancel() }

    package init(style: Style, interval: Interval, surroundings: Surroundings) {
        self.style = style
        self.interval = interval
        self.surroundings = surroundings
    }

    /// A dumb terminal cannot erase a line; `NO_COLOR` counts when it is not empty (no-color.org). Block elements need UTF-8.
    package static func style(isTerminal: Bool, environment: [String: String]) -> Style {
        guard isTerminal, let terminal = environment["TERM"], terminal != "dumb", !terminal.isEmpty else {
            return .plain
        }
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        let isUTF8 = locale.lowercased().replacing("-", with: "").contains("utf8")
        return .live(colours: environment["NO_COLOR", default: ""].isEmpty, blocks: isUTF8)
    }

    /// Shows the fields, separated by two spaces, if it is time to.
    ///
    /// - Parameters:
    ///   - step: Counts for intervals in steps.
    ///   - fraction: How much is done, from 0 to 1, as a bar where there is room; nil for none.
    ///   - fields: From the most to the least important: those that have no room are left out.
    public func update(step: Int, fraction: Double? = nil, _ fields: () -> [ProgressField]) {
        guard style != .quiet else { return }
        state.withLock { state in
            let now = surroundings.now()
            state.pendingStep = step
            state.isStale = true
            state.pending = fields()
            state.pendingFraction = fraction
            let isDue =
                style == .plain
                ? isPlainLineDue(state, step: step, now: now) : now - state.drawnAt >= Self.redrawInterval
            if isDue, state.interruptions == 0 { draw(&state, at: now) }
        }
    }

    /// Prints a message on a line of its own, above the live line.
    public func note(_ message: String) {
        guard style != .quiet else { return }
        interrupt { surroundings.write(message + "\n") }
    }

    /// Takes the live line away while something else is printed, and puts it back afterwards.
    public func interrupt<Result>(_ body: () throws -> Result) rethrows -> Result {
        let shown = state.withLock { state in
            let shown = state.shown
            erase(&state)
            state.interruptions += 1
            return shown
        }
        defer {
            state.withLock { state in
                state.interruptions -= 1
                if !shown.isEmpty, state.interruptions == 0 {
                    surroundings.write(shown)
                    state.shown = shown
                }
            }
        }
        return try body()
    }

    /// Shows the latest content, if it was not shown, and leaves it standing.
    public func finish() {
        state.withLock { state in
            if state.isStale { draw(&state, at: surroundings.now()) }
            if !state.shown.isEmpty { surroundings.write("\n") }
            state = State()
        }
    }

    /// Takes the live line away for good.
    public func clear() {
        state.withLock { state in
            erase(&state)
            state = State()
        }
    }

    var now: Double { surroundings.now() }

    // MARK: - Drawing

    private func isPlainLineDue(_ state: State, step: Int, now: Double) -> Bool {
        guard let drawnStep = state.drawnStep else { return true }
        switch interval {
        case .seconds(let seconds): return now - state.drawnAt >= seconds
        case .steps(let steps): return step / max(1, steps) != drawnStep / max(1, steps)
        }
    }

    private func draw(_ state: inout State, at now: Double) {
        switch style {
        case .live(let colours, let blocks):
            state.shown = liveLine(state, colours: colours, blocks: blocks)
            surroundings.write(state.shown)
        case .plain:
            surroundings.write(state.pending.map(\.fullest).joined(separator: "  ") + "\n")
        case .quiet: break
        }
        state.drawnAt = now
        state.drawnStep = state.pendingStep
        state.isStale = false
    }

    /// The cursor goes back to the beginning of the line: where a narrower terminal breaks the line, it stands above all of
    /// its parts, and the next line erases them.
    private func liveLine(_ state: State, colours: Bool, blocks: Bool) -> String {
        // The last column stays free: some terminals wrap as soon as it is written.
        let layout = ProgressLayout(
            state.pending, hasBar: state.pendingFraction != nil, columns: max(1, surroundings.columns() - 1))
        var parts = layout.texts
        if colours, let first = parts.first, !first.isEmpty { parts[0] = "\u{1B}[1m\(first)\u{1B}[0m" }
        if let columns = layout.barColumns, let fraction = state.pendingFraction {
            let bar = ProgressBar.parts(fraction, columns: columns, blocks: blocks)
            let done = colours && !bar.done.isEmpty ? "\u{1B}[36m\(bar.done)\u{1B}[0m" : bar.done
            parts.insert(bar.start + done + bar.rest + bar.end, at: min(1, parts.count))
        }
        return "\r\(parts.joined(separator: "  "))\(Self.eraseBelow)\r"
    }

    private static let eraseBelow = "\u{1B}[J"

    /// Draws anew at once when the terminal gets another size: the next step may be long in coming.
    private func followResizing() {
        let source = DispatchSource.makeSignalSource(signal: SIGWINCH, queue: .global())
        source.setEventHandler { [weak self] in
            guard let self else { return }
            self.state.withLock { state in
                guard !state.shown.isEmpty, state.interruptions == 0 else { return }
                self.draw(&state, at: self.surroundings.now())
            }
        }
        source.activate()
        resizing = source
    }

    private func erase(_ state: inout State) {
        guard !state.shown.isEmpty else { return }
        surroundings.write("\r\(Self.eraseBelow)")
        state.shown = ""
    }
}

private enum StandardError {
    static func write(_ text: String) {
        var rest = ArraySlice(text.utf8)
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            // Progress that nobody can see is no reason to stop.
            guard written > 0 else { return }
            rest = rest.dropFirst(written)
        }
    }

    static func seconds() -> Double {
        Double(DispatchTime.now().uptimeNanoseconds) / 1e9
    }

    static func columns() -> Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
