import Foundation

/// `metrics.jsonl`: one JSON object per line, in the order of steps. docs/watching.md says what is in them.
public final class MetricsLog {
    /// Of the format; the first line of a file tells it. 1, which told none, had no `seconds`.
    public static let version = 2

    private let file: AppendOnlyFile
    /// Whether the last line, as the log was opened, is an evaluation after the step that the run goes on from.
    public private(set) var endsWithEvaluation = false
    /// Of the last line, as the log was opened; 0 where there is none.
    public private(set) var seconds = 0.0

    /// Opens the log.
    ///
    /// - Parameters:
    ///   - path: The file; its directory must exist.
    ///   - step: The step of the checkpoint that the run goes on from: lines of later steps are removed, and so is a
    ///     line torn by a crash, so that the file of a resumed run is that of an uninterrupted one. Nil starts anew.
    /// - Throws: `MetricsError`.
    public init(path: String, resumingAfter step: Int?) throws {
        file = try AppendOnlyFile(path: path, flags: step == nil ? O_TRUNC : 0)
        if let step {
            try removeLines(after: step)
            alarms = try readAlarms()
        }
    }

    /// Alarms of the run so far, as the log was opened.
    public private(set) var alarms: [RunAlarm] = []

    private func readAlarms() throws -> [RunAlarm] {
        let key = Data("\"alarm\":".utf8)
        let log = Data(try file.bytes(0..<file.size))
        var found: [RunAlarm] = []
        var rest = log.startIndex..<log.endIndex
        // Few lines are one: they are looked for instead of dividing a log that may have grown for weeks.
        while let place = log.range(of: key, in: rest) {
            let start = log[..<place.lowerBound].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? log.startIndex
            let end = log[place.upperBound...].firstIndex(of: UInt8(ascii: "\n")) ?? log.endIndex
            if let line = try? JSONDecoder().decode(AlarmLine.self, from: log[start..<end]) { found.append(line.alarm) }
            rest = end..<log.endIndex
        }
        return found
    }

    /// The numbers of the evaluation that the log ended with, if it was one after the step that the run goes on from.
    public private(set) var lastEvaluation: [String: Double]?

    private static func figures(_ line: [UInt8]) -> [String: Double] {
        let record = (try? JSONSerialization.jsonObject(with: Data(line))) as? [String: Any]
        return (record?["evaluation"] as? [String: Any] ?? [:]).compactMapValues { ($0 as? NSNumber)?.doubleValue }
    }

    /// Appends one line: `step`, `seconds`, then the record's own fields in the order in which it encodes them. The first line
    /// of a file also has the format's `version`.
    ///
    /// - Parameters:
    ///   - record: Encodes keyed fields; a field `step` of its own is overridden.
    ///   - seconds: that the run has taken so far, without the time between an interruption and what followed.
    /// - Throws: What encoding throws, and `MetricsError` for the first line that is lost.
    public func append(_ record: some Encodable, step: Int, seconds: Double? = nil) throws {
        let line = try JSONLine.encode(
            SteppedRecord(
                version: file.size == 0 ? Self.version : nil, step: step,
                seconds: seconds.map { ($0 * 1000).rounded() / 1000 }, record: record))
        try file.append(Array(line.utf8) + [UInt8(ascii: "\n")])
    }

    /// Waits until all lines have reached the disk.
    ///
    /// - Throws: `MetricsError`.
    func synchronize() throws { try file.synchronize() }

    /// Lines that could not be written.
    public var lostLines: Int { file.lostRecords }

    /// Cuts the file behind the last line that belongs to the run: lines are in the order of steps, so a search from
    /// the end suffices, and cutting needs no second copy of a log that may have grown for weeks.
    ///
    /// What the checkpoint's own step left behind the checkpoint was not safe yet: a power failure may have spoiled one such
    /// line and spared the next, so the search goes on to the step before.
    private func removeLines(after step: Int) throws {
        let size = file.size
        var (end, start) = (size, size)
        var last: (record: StepOnly, line: [UInt8])?
        while start > 0 {
            let lineEnd = start
            start = try lineStart(before: lineEnd)
            let line = try file.bytes(start..<lineEnd)
            guard line.last == UInt8(ascii: "\n"),
                let record = try? JSONDecoder().decode(StepOnly.self, from: Data(line)), record.step ?? 0 <= step
            else {
                (end, last) = (start, nil)
                continue
            }
            if last == nil { last = (record, line) }
            if record.step ?? 0 < step { break }
        }
        if let (record, line) = last {
            endsWithEvaluation = record.step == step && record.evaluation != nil
            if endsWithEvaluation { lastEvaluation = Self.figures(line) }
            seconds = record.seconds.flatMap { $0.isFinite ? max(0, $0) : nil } ?? 0
        }
        if end < size { try file.truncate(to: end) }
    }

    /// Offset of the first byte of the line that ends before `end`, its line break included.
    private func lineStart(before end: Int) throws -> Int {
        let block = 1 << 16
        // The byte before `end` may be this line's own break.
        var upper = end - 1
        while upper > 0 {
            let lower = max(0, upper - block)
            if let index = try file.bytes(lower..<upper).lastIndex(of: UInt8(ascii: "\n")) { return lower + index + 1 }
            upper = lower
        }
        return 0
    }
}

private struct StepOnly: Decodable {
    struct Evaluation: Decodable {}

    var step: Int?
    var seconds: Double?
    var evaluation: Evaluation?
}

private struct SteppedRecord<Record: Encodable>: Encodable {
    enum Key: CodingKey { case step, version, seconds }

    let version: Int?
    let step: Int
    let seconds: Double?
    let record: Record

    func encode(to encoder: any Encoder) throws {
        // Before the record for its place, after it for its value.
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(step, forKey: .step)
        try container.encodeIfPresent(version, forKey: .version)
        try container.encodeIfPresent(seconds, forKey: .seconds)
        try record.encode(to: encoder)
        try container.encode(step, forKey: .step)
    }
}
