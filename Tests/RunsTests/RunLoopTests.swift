import Checkpoints
import Foundation
import Runs
import TestSupport
import Testing

/// The loop with work that learns nothing.
@Suite struct RunLoopTests {
    struct Record: RunRecord {
        var value: Int
        var scalars: [(tag: String, value: Double)] {
            [("value", Double(value)), ("ranks/seconds/0", 1), ("ranks/seconds/1", 2)]
        }
        var progressFields: [ProgressField] { [ProgressField("value \(value)")] }
        enum CodingKeys: String, CodingKey { case value }
    }

    struct Evaluation: RunEvaluation {
        var step: Int
        var scalars: [(tag: String, value: Double)] { [("evaluation/step", Double(step))] }
        var logged: Evaluation { self }
        var samplesRecord: (any Encodable & Sendable)? { ["sample": step] }
        enum CodingKeys: String, CodingKey { case step }
    }

    struct Failure: Error {}

    /// Counts, and fails where it is told to.
    final class Work: RunWork {
        var step: Int
        var failingStep: Int?
        var failingEvaluation: Int?
        var doneStep: Int?
        var isBlank = false
        var histograms: [(tag: String, histogram: ValueHistogram)] = []
        var journal: [String] = []
        /// Raised by the evaluation after a step.
        var alarmingStep: Int?
        var alarms: [RunAlarm] = []
        var remembered: [RunAlarm] = []
        var rememberedEvaluation: [String: Double]?
        var isDone: Bool { doneStep.map { step >= $0 } ?? false }

        init(step: Int = 0) { self.step = step }

        func advance() throws -> StepResult<Record> {
            if step + 1 == failingStep { throw Failure() }
            step += 1
            return step == 4 ? .skipped(reason: "for no reason") : .taken(Record(value: step * step))
        }

        func evaluate() throws -> Evaluation? {
            journal.append("evaluate \(step)")
            if isBlank { return nil }
            if step == failingEvaluation { throw Failure() }
            if step == alarmingStep { alarms.append(RunAlarm(kind: "plateau", since: 1, message: "it stands")) }
            return Evaluation(step: step)
        }

        func takeAlarms() -> [RunAlarm] {
            defer { alarms = [] }
            return alarms
        }

        func remember(_ alarms: [RunAlarm], _ evaluation: [String: Double]?) {
            remembered = alarms
            rememberedEvaluation = evaluation
        }

        func checkpoint() throws -> CheckpointContents? {
            journal.append("save \(step)")
            return CheckpointContents(step: step, groups: [], documents: [], metadata: [:])
        }
    }

    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func run(
        _ work: Work, evaluateEvery: Int = 3, checkpointEvery: Int = 5, from step: Int? = nil,
        logging: RunLogging = RunLogging(),
        told: (RunEvent<Evaluation>) -> Void = { _ in }, while isWorthwhile: ((Int, Record) -> Bool)? = nil
    ) throws -> RunEnd {
        let directory = RunDirectory(path: folder("run"))
        let lock = try directory.open()
        return try withExtendedLifetime(lock) {
            try directory.checkpoints.prepare(exclusive: true)
            var events: [RunEvent<Evaluation>] = []
            let loop = try RunLoop(
                work, directory: directory,
                plan: RunPlan(
                    steps: 10, evaluateEvery: evaluateEvery, checkpointEvery: checkpointEvery, logEvery: 1,
                    retention: Retention(keepLast: 10, keepEvery: nil)),
                resumingAfter: step, logging: logging, progress: ProgressLine(quiet: true)
            ) { events.append($0) }
            defer { for event in events { told(event) } }
            return try loop.run(while: isWorthwhile)
        }
    }

    private var steps: [Int] { (try? RunDirectory(path: folder("run")).checkpoints.entries().map(\.step)) ?? [] }

    @Test func whatIsDueComesInOrderWithTheCheckpointFirst() throws {
        let work = Work()
        #expect(try run(work) == .finished(step: 10))
        #expect(
            work.journal == ["evaluate 3", "save 5", "evaluate 6", "evaluate 9", "save 10", "evaluate 10"])
        #expect(steps == [5, 10])
        // A step that was skipped leaves no record.
        let lines = try folder.text("run/metrics.jsonl").split(separator: "\n")
        #expect(lines.count == 9 + 4 && !lines.contains { $0.contains(#""step":4"#) })
    }

    @Test("The last checkpoint is told once, also where the work is done early")
    func lastCheckpoint() throws {
        func told(_ work: Work) throws -> (end: RunEnd, checkpoints: [Int]) {
            var checkpoints: [Int] = []
            let end = try run(work, told: { if case .checkpoint(let step, _) = $0 { checkpoints.append(step) } })
            return (end, checkpoints)
        }
        let early = Work()
        early.doneStep = 7
        let end = try told(early)
        #expect(end.end == .finished(step: 7) && end.checkpoints == [7] && steps == [5, 7])
        #expect(early.journal == ["evaluate 3", "save 5", "evaluate 6", "save 7"])
        try folder.remove("run")
        let whole = try told(Work())
        #expect(whole.end == .finished(step: 10) && whole.checkpoints == [10])
    }

    /// Wherever a run is killed while it records an evaluation, every record has it once in the end.
    @Test(arguments: 0...4) func recordsOfAnEvaluationThatWasCutShort(_ missing: Int) throws {
        let logging = RunLogging(writesCSV: true)
        try #require(try run(Work(), checkpointEvery: 3, logging: logging) == .finished(step: 10))
        let files = ["samples.jsonl", "evaluations.csv", "metrics.jsonl"]
        let whole = try files.map { try withoutTimes($0) }
        #expect(whole[0].count == 4 && whole[1].count == 5)
        func shown() -> [Bool] {
            let history = TensorBoardHistory(directory: folder("run/tensorboard"))
            return [3, 6, 9, 10].map { history.shows("evaluation/step", step: $0) }
        }
        #expect(shown() == [true, true, true, true])
        // As after the checkpoint of step 10, and the first records of its evaluation.
        for file in ["run/metrics.jsonl", "run/evaluations.csv", "run/samples.jsonl"].prefix(missing) {
            let lines = try folder.text(file).split(separator: "\n").dropLast()
            try folder.write(lines.map { $0 + "\n" }.joined(), to: file)
        }
        if missing == 4 {
            let events = try #require(folder.names("run/tensorboard").last)
            let end = try folder.data("run/tensorboard/" + events)
            let last = try #require(end.range(of: Data("evaluation/step".utf8), options: .backwards))
            try folder.write(end[..<(last.lowerBound - 20)], to: "run/tensorboard/" + events)
        }
        let work = Work(step: 10)
        if missing == 0 {
            #expect(throws: RunError.self) { _ = try run(work, checkpointEvery: 3, from: 10, logging: logging) }
        } else {
            #expect(try run(work, checkpointEvery: 3, from: 10, logging: logging) == .finished(step: 10))
        }
        #expect(try files.map { try withoutTimes($0) } == whole)
        #expect(shown() == [true, true, true, true])
        let shows = try folder.names("run/tensorboard").map { file in
            let data = try folder.data("run/tensorboard/" + file)
            var (count, rest) = (0, data.startIndex..<data.endIndex)
            while let found = data.range(of: Data("evaluation/step".utf8), in: rest) {
                count += 1
                rest = found.upperBound..<data.endIndex
            }
            return count
        }
        #expect(shows.reduce(0, +) == 4, "\(shows)")
    }

    private func withoutTimes(_ file: String) throws -> [String] {
        try folder.text("run/" + file).split(separator: "\n").map {
            $0.replacingOccurrences(of: #""seconds":[0-9.]+,?"#, with: "", options: .regularExpression)
                .replacingOccurrences(of: #"^([0-9]+),[0-9.]+"#, with: "$1", options: .regularExpression)
        }
    }

    @Test("What a power failure leaves of a journal is taken out of it")
    func spoiledJournal() throws {
        _ = try run(Work())
        let whole = try folder.text("run/journal.jsonl")
        let spoiled = whole + String(repeating: "\0", count: 100) + "\n" + #"{"event":"started","ti"#
        try folder.write(spoiled, to: "run/journal.jsonl")
        #expect(throws: RunError.self) { _ = try run(Work(step: 10), from: 10) }
        let text = try folder.text("run/journal.jsonl")
        #expect(text.hasPrefix(whole) && !text.contains("\0"))
        let decoder = JSONDecoder()
        for line in text.split(separator: "\n") {
            _ = try decoder.decode([String: Anything].self, from: Data(line.utf8))
        }
    }

    private struct Anything: Decodable { init(from decoder: any Decoder) {} }

    @Test("Checkpoints that a killed process had to remove go with the next start")
    func surplus() throws {
        _ = try run(Work(), checkpointEvery: 2)
        #expect(steps == [2, 4, 6, 8, 10])
        let directory = RunDirectory(path: folder("run"))
        let plan = RunPlan(
            steps: 10, evaluateEvery: 3, checkpointEvery: 2, logEvery: 1,
            retention: Retention(keepLast: 2, keepEvery: 4))
        _ = try RunLoop(
            Work(step: 10), directory: directory, plan: plan, resumingAfter: 10, progress: ProgressLine(quiet: true)
        ) { _ in }
        #expect(steps == [4, 8, 10])
    }

    /// Sets nothing aside to be removed.
    private struct SystemThatKeeps: StorageSystem {
        private let real = PosixStorageSystem()
        func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int { real.write(descriptor, bytes) }
        func fsync(_ descriptor: Int32) -> Int32 { real.fsync(descriptor) }
        func rename(_ old: String, _ new: String) -> Int32 {
            guard (new as NSString).lastPathComponent.contains("trash") else { return real.rename(old, new) }
            errno = EACCES
            return -1
        }
        func freeBytes(_ path: String) -> Int? { real.freeBytes(path) }
        func map(_ byteCount: Int) -> UnsafeMutableRawPointer? { real.map(byteCount) }
        func reached(_ phase: WritePhase) throws {}
    }

    @Test("That old checkpoints cannot be removed is told while the run goes on, and at its end")
    func pruningFailures() throws {
        let directory = RunDirectory(path: folder("run"))
        let lock = try directory.open()
        let work = Work()
        var told: [(step: Int, text: String)] = []
        try withExtendedLifetime(lock) {
            try directory.checkpoints.prepare(exclusive: true)
            let retention = Retention(keepLast: 1, keepEvery: nil)
            let writer = CheckpointWriter(
                directory: directory.checkpoints, retention: retention, threads: 1, system: SystemThatKeeps())
            let loop = try RunLoop(
                work, directory: directory,
                plan: RunPlan(
                    steps: 10, evaluateEvery: 0, checkpointEvery: 2, logEvery: 1, retention: retention),
                resumingAfter: nil, origin: nil, logging: RunLogging(), progress: ProgressLine(quiet: true),
                writer: writer
            ) { if case .warning(let text) = $0, text.contains("rename") { told.append((work.step, text)) } }
            // What is written beside the steps is written by the time that the next one is over.
            let end = try loop.run { step, _ in
                try? writer.waitUntilIdle()
                return step < 7
            }
            #expect(end == .abandoned(step: 7))
        }
        // Beside the checkpoint of step 2 there was nothing to remove; none was waited for.
        try #require(told.count == 2)
        #expect((4...5).contains(told[0].step) && (6...7).contains(told[1].step), "\(told)")
        #expect(told[0].text.contains("step-00000002"))
        let entries = JournalEntry.entries(path: folder("run/journal.jsonl"))
        #expect(entries.last?.event == .ended)
        #expect(entries.count { $0.message?.contains("rename") == true } == 2)
    }

    @Test("Whatever ends a run costs none of its steps")
    func failures() throws {
        let work = Work()
        work.failingEvaluation = 3
        #expect(throws: Failure.self) { _ = try run(work) }
        #expect(steps == [3])
        let other = Work(step: 3)
        other.failingStep = 8
        #expect(throws: Failure.self) { _ = try run(other, from: 3) }
        // The evaluation that is missing on record is made up for.
        #expect(other.journal.first == "evaluate 3" && steps == [3, 5, 7])
    }

    @Test("Alarms are told, on record before the evaluation they are of, and remembered") func alarms() throws {
        let work = Work()
        work.alarmingStep = 3
        var told: [RunAlarm] = []
        _ = try run(
            work, told: { if case .alarm(let alarm) = $0 { told.append(alarm) } }, while: { step, _ in step < 7 })
        #expect(told == [RunAlarm(kind: "plateau", since: 1, message: "it stands")])
        let lines = try folder.text("run/metrics.jsonl").split(separator: "\n")
        let place = try #require(
            lines.firstIndex { $0.hasSuffix(#""alarm":{"kind":"plateau","since":1,"message":"it stands"}}"#) })
        #expect(lines[place + 1].hasSuffix(#""evaluation":{"step":3}}"#))
        var reader = MetricsReader(path: folder("run/metrics.jsonl"))
        _ = try reader.read()
        #expect(reader.alarms.map(\.step) == [3] && reader.alarms.map(\.alarm) == told)
        // A line of its own, not one of training.
        #expect(reader.training.steps.filter { $0 == 3 }.count == 1)
        let later = Work(step: 5)
        _ = try run(later, from: 5)
        #expect(later.remembered == told && later.journal.first == "evaluate 6" && later.rememberedEvaluation == nil)
        // An evaluation that is on record is not made up for, though an alarm stands before it.
        try folder.remove("run")
        let first = Work()
        first.alarmingStep = 3
        _ = try run(first, checkpointEvery: 3, while: { step, _ in step < 4 })
        let other = Work(step: 3)
        _ = try run(other, checkpointEvery: 3, from: 3)
        #expect(other.remembered == told && other.journal.first == "save 6")
        #expect(other.rememberedEvaluation == ["step": 3])
    }

    @Test func nothingIsLeftToDoOrWorthDoing() throws {
        #expect(try run(Work(), while: { step, _ in step < 7 }) == .abandoned(step: 7))
        #expect(steps == [5])
        // What has nothing to evaluate on is finished without it.
        let blank = Work(step: 10)
        blank.isBlank = true
        #expect(throws: RunError.alreadyFinished(step: 10, steps: 10, path: folder("run"))) {
            _ = try run(blank, from: 10)
        }
        let done = Work(step: 10)
        #expect(try run(done, from: 10) == .finished(step: 10))
        #expect(throws: RunError.alreadyFinished(step: 10, steps: 10, path: folder("run"))) {
            _ = try run(Work(step: 10), from: 10)
        }
    }

    @Test func aCheckpointIsDueByTimeToo() throws {
        let directory = RunDirectory(path: folder("run"))
        let lock = try directory.open()
        try withExtendedLifetime(lock) {
            try directory.checkpoints.prepare(exclusive: true)
            let loop = try RunLoop(
                Work(), directory: directory,
                plan: RunPlan(
                    steps: 3, evaluateEvery: 0, checkpointEvery: 0, checkpointSeconds: 0, logEvery: 1,
                    retention: Retention(keepLast: 10, keepEvery: nil)),
                resumingAfter: nil, progress: ProgressLine(quiet: true), report: { _ in })
            #expect(try loop.run() == .finished(step: 3))
        }
        #expect(steps == [1, 2, 3])
    }

    @Test("The journal tells every start and end, what was spent, and what went wrong")
    func journal() throws {
        let failing = Work()
        failing.failingStep = 8
        #expect(throws: Failure.self) { _ = try run(failing) }
        #expect(try run(Work(step: 7), from: 7) == .finished(step: 10))
        let entries = JournalEntry.entries(path: folder("run/journal.jsonl"))
        #expect(
            entries.map(\.event) == [
                .started, .warning, .checkpoint, .checkpoint, .ended, .started, .checkpoint, .ended,
            ])
        #expect(entries.map(\.step) == [0, 4, 5, 7, 7, 7, 10, 10])
        #expect(entries[1].message == "step 4 skipped: for no reason")
        #expect(entries[4].outcome == .failed && entries[4].message?.contains("Failure") == true)
        #expect(entries[7].outcome == .finished)
        let usage = try #require(entries[7].usage)
        #expect(usage.processorSeconds > 0 && usage.peakMemoryBytes > 1 << 20 && usage.seconds >= 0)
    }

    @Test("Seconds go on where the run was interrupted")
    func seconds() throws {
        _ = try run(Work(), while: { step, _ in step < 5 })
        try folder.write(
            folder.text("run/metrics.jsonl").replacing(/"seconds":[0-9.]+/, with: "\"seconds\":1000"),
            to: "run/metrics.jsonl")
        _ = try run(Work(step: 5), from: 5)
        var reader = MetricsReader(path: folder("run/metrics.jsonl"))
        _ = try reader.read()
        #expect(reader.version == MetricsLog.version && reader.hasSeconds)
        let seconds = reader.training.seconds
        #expect(
            seconds.prefix(4).allSatisfy { $0 == 1000 }
                && seconds.dropFirst(4).allSatisfy { (1000...1100).contains($0) })
        #expect(zip(seconds, seconds.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test("Tables have what the log has, also of a run that goes back")
    func tables() throws {
        let logging = RunLogging(writesCSV: true)
        _ = try run(Work(), logging: logging, while: { step, _ in step < 7 })
        _ = try run(Work(step: 5), from: 5, logging: logging)
        let lines = try folder.text("run/metrics.csv").split(separator: "\n").map {
            $0.split(separator: ",").map(String.init)
        }
        #expect(lines.first == ["step", "seconds", "value", "seconds_0", "seconds_1"])
        #expect(lines.dropFirst().map { $0[0] } == ["1", "2", "3", "5", "6", "7", "8", "9", "10"])
        #expect(
            lines.dropFirst().map { $0[2] } == ["1.0", "4.0", "9.0", "25.0", "36.0", "49.0", "64.0", "81.0", "100.0"])
        #expect(try folder.text("run/evaluations.csv").split(separator: "\n").count == 1 + 4)
    }
}
