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

private let erased = "\r\u{1B}[J"

@Suite struct ProgressLineTests {
    @Test func redrawsAtMostTenTimesASecond() {
        let screen = Screen()
        let line = screen.line(.live(colours: false, blocks: true))
        for step in 1...1000 {
            line.update(step: step) { [ProgressField("step \(step)"), "loss 1"] }
            screen.wait(0.01)
        }
        let draws = screen.look().split(separator: "\r")
        #expect((90...110).contains(draws.count))
        #expect(draws.first == "step 1  loss 1\u{1B}[J")
        line.finish()
        #expect(screen.look() == "\rstep 1000  loss 1\u{1B}[J\r\n")
        line.finish()
        #expect(screen.look() == "")
    }

    @Test func leavesOutWhatHasNoRoom() {
        let screen = Screen(width: 10)
        let line = screen.line(.live(colours: false, blocks: true))
        line.update(step: 1) { ["1234", "567890", "56"] }
        #expect(screen.look() == "\r1234  56\u{1B}[J\r")
        let coloured = screen.line(.live(colours: true, blocks: true))
        coloured.update(step: 1) { ["1234", "567890"] }
        #expect(screen.look() == "\r\u{1B}[1m1234\u{1B}[0m\u{1B}[J\r")
        // Where not even the first fits, it is cut.
        let narrow = Screen(width: 3)
        narrow.line(.live(colours: false, blocks: true)).update(step: 1) { ["1234"] }
        #expect(narrow.look() == "\r12\u{1B}[J\r")
    }

    /// What one looks for is there at 40 columns, everything at 200, and no line is longer than the terminal.
    @Test func everyWidthShowsWhatMattersMost() {
        let fields = [
            ProgressField("step 1,234/3,600", "1,234/3,600", "34.3 %"),
            ProgressField("loss 59.296 (generator 8.350, discriminator 1.0189)", "loss 59.296"),
            ProgressField("14 min 06 s left", "14 min left"), ProgressField("8,719 tokens/s", "8,719 tok/s"),
            ProgressField("30 % of peak", "30 %"),
        ]
        func shown(_ width: Int, blocks: Bool = true) -> String {
            let screen = Screen(width: width)
            screen.line(.live(colours: false, blocks: blocks)).update(step: 1, fraction: 0.343) { fields }
            return screen.look().replacing("\u{1B}[J", with: "").replacing("\r", with: "")
        }
        #expect(shown(40) == "1,234/3,600  loss 59.296  14 min left")
        #expect(shown(60) == "1,234/3,600  loss 59.296  14 min left  8,719 tokens/s  30 %")
        #expect(
            shown(80) == "step 1,234/3,600  ▕███      ▏  loss 59.296  14 min 06 s left  8,719 tok/s  30 %")
        #expect(shown(80, blocks: false).contains("[###------]"))
        let widest = shown(200)
        for field in fields { #expect(widest.contains(field.wordings[0]), "\(field)") }
        for width in 4...200 {
            #expect(shown(width).count < width, "\(width) columns: \(shown(width))")
            if width >= 40 { #expect(shown(width).contains("left"), "\(width) columns: \(shown(width))") }
        }
        // Ideographs take two columns.
        let wide = Screen(width: 12)
        wide.line(.live(colours: false, blocks: true)).update(step: 1) { ["訓練中", "語彙", "x"] }
        #expect(wide.look() == "\r訓練中  x\u{1B}[J\r")
    }

    @Test func makesWayForOtherOutput() {
        let screen = Screen()
        let line = screen.line(.live(colours: false, blocks: true))
        line.note("before")
        #expect(screen.look() == "before\n")
        line.update(step: 1) { ["a"] }
        _ = screen.look()
        line.note("saved")
        #expect(screen.look() == "\(erased)saved\n\ra\u{1B}[J\r")
        line.interrupt {
            line.note("inner")
            screen.wait(1)
            line.update(step: 2) { ["b"] }
        }
        #expect(screen.look() == "\(erased)inner\n\ra\u{1B}[J\r")
        line.clear()
        #expect(screen.look() == erased)
        line.finish()
        #expect(screen.look() == "")
    }

    @Test func plainLinesComeAtIntervalsOfSeconds() {
        let screen = Screen()
        let line = screen.line(.plain, .seconds(10))
        for step in 1...25 {
            line.update(step: step) { [ProgressField("step \(step)"), "x"] }
            screen.wait(1)
        }
        line.note("note")
        line.finish()
        #expect(screen.look() == "step 1  x\nstep 11  x\nstep 21  x\nnote\nstep 25  x\n")
    }

    @Test func plainLinesComeAtIntervalsOfSteps() {
        let screen = Screen()
        let line = screen.line(.plain, .steps(10))
        for step in stride(from: 3, through: 40, by: 3) { line.update(step: step) { [ProgressField("\(step)")] } }
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
        #expect(
            ProgressLine.style(isTerminal: true, environment: ["TERM": "xterm"]) == .live(colours: true, blocks: false))
        #expect(
            ProgressLine.style(isTerminal: true, environment: ["TERM": "xterm", "LC_ALL": "", "LANG": "de_DE.UTF-8"])
                == .live(colours: true, blocks: true))
        #expect(
            ProgressLine.style(isTerminal: true, environment: ["TERM": "xterm", "NO_COLOR": "1"])
                == .live(colours: false, blocks: false))
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
                Training the tokenizer  25 %  3 min 00 s left  1.0 MB
                Training the tokenizer  30,522 entries  2 min 00 s

                """)
    }

    @Test func whatWasDoneBeforeSaysNothingOfTheTimeLeft() {
        let screen = Screen()
        let phase = PhaseProgress("training", on: screen.line(.plain, .steps(1)))
        // Of eight runs an earlier process has finished six, which is found within a second.
        screen.wait(1)
        phase.update(fraction: 0.75)
        // Each of the others takes 1,000 s.
        for step in 1...10 {
            screen.wait(100)
            phase.update(fraction: 0.75 + 0.0125 * Double(step))
        }
        let lines = screen.look().split(separator: "\n")
        #expect(lines[1] == "training  76 %  31 min 40 s left", "\(lines)")
        #expect(lines.last == "training  87 %  16 min 40 s left", "\(lines)")
    }
}

@Suite struct TimeLeftTests {
    @Test func theTimeLeftForgetsPauses() {
        var timeLeft = TimeLeft(window: 5)
        #expect(timeLeft.seconds(for: 10) == nil)
        for seconds in [2, 2, 100, 2, .nan, -1, 3] { timeLeft.add(stepSeconds: seconds) }
        #expect(timeLeft.seconds(for: 10) == 20)
        // The window moves on: the last five are 4, 4, 4, 2, 3 in some order.
        for _ in 0..<3 { timeLeft.add(stepSeconds: 4) }
        #expect(timeLeft.stepSeconds == 4)
        #expect(timeLeft.seconds(for: -3) == 0)
    }

    @Test func largerStepsTakeLonger() {
        let sizes = StepSizes([.init(steps: 10, size: 2), .init(steps: 0, size: 9), .init(steps: 5, size: 6)])
        #expect((1...17).map(sizes.size(ofStep:)) == Array(repeating: 2, count: 10) + Array(repeating: 6, count: 7))
        // Against a plain sum, from anywhere to anywhere.
        for first in 0...17 {
            for last in 0...17 {
                let sum = first < last ? (first + 1...last).reduce(0) { $0 + sizes.size(ofStep: $1) } : 0
                #expect(sizes.total(after: first, through: last) == sum, "\(first) \(last)")
            }
        }
        #expect(StepSizes.even.size(ofStep: 3) == 1 && StepSizes.even.total(after: 2, through: 7) == 5)
        var timeLeft = TimeLeft()
        for _ in 0..<4 { timeLeft.add(stepSeconds: 1, size: sizes.size(ofStep: 10)) }
        #expect(timeLeft.seconds(for: sizes.total(after: 10, through: 15)) == 15)
    }
}
