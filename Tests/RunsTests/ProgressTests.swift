import Runs
import Synchronization
import Testing

/// A terminal of which one sees every byte, and a clock that one sets.
private final class Screen: Sendable {
    let text = Mutex("")
    let time = Mutex(100.0)
    let width: Int

    init(width: Int = 80) {
        self.width = width
    }

    func line(_ style: ProgressLine.Style, _ interval: ProgressLine.Interval = .seconds(10)) -> ProgressLine {
        ProgressLine(
            style: style, interval: interval,
            surroundings: .init(
                write: { [self] text in self.text.withLock { $0 += text } },
                now: { [self] in time.withLock { $0 } },
                columns: { [self] in width }))
    }

    func wait(_ seconds: Double) { time.withLock { $0 += seconds } }

    /// What was written since the last look.
    func look() -> String {
        text.withLock { text in
            defer { text = "" }
            return text
        }
    }
}

private let erased = "\r\u{1B}[K"

@Suite struct ProgressLineTests {
    @Test func redrawsAtMostTenTimesASecond() {
        let screen = Screen()
        let line = screen.line(.live(colours: false))
        for step in 1...1000 {
            line.update(step: step) { ["step \(step)", "loss 1"] }
            screen.wait(0.01)
        }
        let draws = screen.look().split(separator: "\r")
        #expect((90...110).contains(draws.count))
        #expect(draws.first == "step 1  loss 1\u{1B}[K")
        line.finish()
        #expect(screen.look() == "\rstep 1000  loss 1\u{1B}[K\n")
        line.finish()
        #expect(screen.look() == "")
    }

    @Test func cutsTheLineToTheTerminal() {
        let screen = Screen(width: 10)
        let line = screen.line(.live(colours: false))
        line.update(step: 1) { ["1234", "567890"] }
        #expect(screen.look() == "\r1234  567\u{1B}[K")
        let coloured = screen.line(.live(colours: true))
        coloured.update(step: 1) { ["1234", "567890"] }
        #expect(screen.look() == "\r\u{1B}[1m1234\u{1B}[0m  567\u{1B}[K")
        // A first field that is wider than the terminal stays plain rather than losing its end code.
        let narrow = Screen(width: 3)
        narrow.line(.live(colours: true)).update(step: 1) { ["1234"] }
        #expect(narrow.look() == "\r12\u{1B}[K")
    }

    @Test func makesWayForOtherOutput() {
        let screen = Screen()
        let line = screen.line(.live(colours: false))
        line.note("before")
        #expect(screen.look() == "before\n")
        line.update(step: 1) { ["a"] }
        _ = screen.look()
        line.note("saved")
        #expect(screen.look() == "\(erased)saved\n\ra\u{1B}[K")
        line.interrupt {
            line.note("inner")
            screen.wait(1)
            line.update(step: 2) { ["b"] }
        }
        #expect(screen.look() == "\(erased)inner\n\ra\u{1B}[K")
        line.clear()
        #expect(screen.look() == erased)
        line.finish()
        #expect(screen.look() == "")
    }

    @Test func plainLinesComeAtIntervalsOfSeconds() {
        let screen = Screen()
        let line = screen.line(.plain, .seconds(10))
        for step in 1...25 {
            line.update(step: step) { ["step \(step)", "x"] }
            screen.wait(1)
        }
        line.note("note")
        line.finish()
        #expect(screen.look() == "step 1  x\nstep 11  x\nstep 21  x\nnote\nstep 25  x\n")
    }

    @Test func plainLinesComeAtIntervalsOfSteps() {
        let screen = Screen()
        let line = screen.line(.plain, .steps(10))
        for step in stride(from: 3, through: 40, by: 3) { line.update(step: step) { ["\(step)"] } }
        #expect(screen.look() == "3\n12\n21\n30\n")
        line.finish()
        #expect(screen.look() == "39\n")
    }

    @Test func quietSaysNothing() {
        let screen = Screen()
        let line = screen.line(.quiet)
        line.update(step: 1) { ["a"] }
        line.note("b")
        line.finish()
        #expect(screen.look() == "")
    }

    @Test func choosesTheStyle() {
        #expect(ProgressLine.style(isTerminal: false, environment: ["TERM": "xterm"]) == .plain)
        #expect(ProgressLine.style(isTerminal: true, environment: ["TERM": "dumb"]) == .plain)
        #expect(ProgressLine.style(isTerminal: true, environment: [:]) == .plain)
        #expect(ProgressLine.style(isTerminal: true, environment: ["TERM": "xterm"]) == .live(colours: true))
        #expect(
            ProgressLine.style(isTerminal: true, environment: ["TERM": "xterm", "NO_COLOR": "1"])
                == .live(colours: false))
    }

    @Test func phasesShowShareAndTimeLeft() {
        let screen = Screen()
        let phase = PhaseProgress("Training the tokenizer", on: screen.line(.plain, .steps(1)))
        phase.update(fraction: 0)
        screen.wait(60)
        phase.update(fraction: 0.25) { "1.0 MB" }
        phase.update(fraction: 0.1)
        screen.wait(60)
        phase.finish("30,522 entries")
        #expect(
            screen.look() == """
                Training the tokenizer  0 %
                Training the tokenizer  25 %  1.0 MB  3 min 00 s left
                Training the tokenizer  30,522 entries  2 min 00 s

                """)
    }
}

@Suite struct TimeLeftTests {
    @Test func theTimeLeftForgetsPauses() {
        var timeLeft = TimeLeft(window: 5)
        #expect(timeLeft.seconds(forSteps: 10) == nil)
        for seconds in [2, 2, 100, 2, .nan, -1, 3] { timeLeft.add(stepSeconds: seconds) }
        #expect(timeLeft.seconds(forSteps: 10) == 20)
        // The window moves on: the last five are 4, 4, 4, 2, 3 in some order.
        for _ in 0..<3 { timeLeft.add(stepSeconds: 4) }
        #expect(timeLeft.stepSeconds == 4)
        #expect(timeLeft.seconds(forSteps: -3) == 0)
    }
}
