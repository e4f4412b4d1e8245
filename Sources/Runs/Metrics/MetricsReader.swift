import Files
import Foundation

/// Reads `metrics.jsonl`, also while a run writes it: each reading goes on where the one before ended.
public struct MetricsReader: Sendable {
    public let path: String
    /// Of steps in training.
    public private(set) var training = MetricsTable()
    /// Of evaluations, without those that are of a source alone.
    public private(set) var evaluations = MetricsTable()
    public private(set) var alarms: [(step: Int, alarm: RunAlarm)] = []
    /// Of the format; 1 where the file tells none.
    public private(set) var version = 1
    /// Whether the seconds are those of the log; otherwise they are made of tokens and speeds, without evaluations and pauses.
    public private(set) var hasSeconds = false
    /// Lines whose loss is no number.
    public private(set) var nonFiniteLines = 0

    /// Bytes that have been read, up to the end of a line, and the last of them.
    private var offset = 0
    private var lastBytes: [UInt8] = []
    private var lineNumber = 0
    private var tokens = 0
    private var seconds = 0.0
    /// Added to the log's seconds where an earlier version has left a beginning without them.
    private var secondsBefore = 0.0

    public init(path: String) { self.path = path }

    /// Reads what has been added since the last reading; where the file was cut, as after an interruption, all of it anew.
    ///
    /// - Returns: whether anything has changed.
    /// - Throws: `MetricsReadingError`; a torn last line is none, it may still be being written.
    public mutating func read() throws -> Bool {
        // A pipe would be waited for.
        guard let descriptor = try? FileDescriptor.openForReading(path), (try? descriptor.regularFileSize()) != nil,
            let file = FileHandle(forReadingAtPath: path)
        else { throw MetricsReadingError.unreadable(path: path) }
        defer { try? file.close() }
        guard let size = try? file.seekToEnd() else { throw MetricsReadingError.unreadable(path: path) }
        if try size < offset || !isContinued(file) {
            self = MetricsReader(path: path)
            _ = try read()
            return true
        }
        guard size > offset else { return false }
        let before = offset
        var rest = Data()
        defer {
            training.settle()
            evaluations.settle()
        }
        try? file.seek(toOffset: UInt64(offset))
        while let block = try? file.read(upToCount: 8 << 20), !block.isEmpty {
            rest.append(block)
            guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { continue }
            try add(rest[...end])
            rest = Data(rest[(end + 1)...])
        }
        return offset > before
    }

    /// Whether what was read last still stands there.
    private func isContinued(_ file: FileHandle) throws -> Bool {
        guard !lastBytes.isEmpty else { return true }
        try? file.seek(toOffset: UInt64(offset - lastBytes.count))
        return (try? file.read(upToCount: lastBytes.count)).map { Array($0) } == lastBytes
    }

    /// Adds lines up to the first that is no record; the next reading goes on with that one.
    private mutating func add(_ lines: Data) throws {
        var start = lines.startIndex
        defer { if start > lines.startIndex { lastBytes = Array(lines[..<start].suffix(256)) } }
        while let end = lines[start...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = lines[start..<end]
            if !line.isEmpty { try add(line: line) }
            lineNumber += 1
            offset += line.count + 1
            start = end + 1
        }
    }

    private mutating func add(line: Data) throws {
        guard let record = (try? JSONSerialization.jsonObject(with: line)) as? [String: Any],
            let step = (record["step"] as? NSNumber)?.intValue, Self.counts ~= step,
            Self.counts ~= (record["tokens"] as? NSNumber)?.intValue ?? 0
        else { throw MetricsReadingError.notMetrics(path: path, line: lineNumber + 1) }
        if let version = record["version"] as? NSNumber { self.version = version.intValue }
        if let alarm = record["alarm"] as? [String: Any] {
            guard let kind = alarm["kind"] as? String, let message = alarm["message"] as? String else { return }
            let since = (alarm["since"] as? NSNumber)?.intValue ?? step
            return alarms.append((step, RunAlarm(kind: kind, since: since, message: message)))
        }
        let evaluation = record["evaluation"] as? [String: Any]
        let numbers = Self.numbers(evaluation ?? record)
        let names = evaluation == nil ? training.names(with: numbers) : evaluations.names(with: numbers)
        guard names <= Self.mostNames else {
            throw MetricsReadingError.notMetrics(path: path, line: lineNumber + 1)
        }
        add(record, step: step, numbers, isEvaluation: evaluation != nil)
    }

    private mutating func add(
        _ record: [String: Any], step: Int, _ numbers: [(name: String, value: Double)], isEvaluation: Bool
    ) {
        let before = tokens
        if !isEvaluation, let told = record["tokens"] as? NSNumber { tokens = told.intValue }
        if let told = (record["seconds"] as? NSNumber)?.doubleValue {
            hasSeconds = true
            if told + secondsBefore < seconds { secondsBefore = seconds }
            seconds = told + secondsBefore
        } else if !isEvaluation, let speed = (record["tokens_per_second"] as? NSNumber)?.doubleValue, speed > 0 {
            seconds += Double(max(0, tokens - before)) / speed
        }
        if isEvaluation {
            evaluations.append(step: step, tokens: tokens, seconds: seconds, numbers)
        } else {
            if record["loss"] is NSNull { nonFiniteLines += 1 }
            training.append(step: step, tokens: tokens, seconds: seconds, numbers)
        }
    }

    /// What steps and tokens can be.
    private static let counts = 0...1 << 52
    /// Names of figures, each a column as long as the file: a run has some dozens.
    private static let mostNames = 4000
    private static let positions: Set = ["step", "tokens", "seconds", "version", "epoch"]

    /// Numbers by name; those of a record within the record, such as a task's scores, by their own names.
    private static func numbers(_ record: [String: Any]) -> [(name: String, value: Double)] {
        var result: [(String, Double)] = []
        for (name, value) in record where !positions.contains(name) {
            if let inner = value as? [String: Any] {
                result += numbers(inner)
            } else if let number = value as? NSNumber, CFBoolean.isNot(number) {
                result.append((name, number.doubleValue))
            }
        }
        return result
    }
}

/// Truth values are numbers too, to Foundation.
private enum CFBoolean {
    static func isNot(_ number: NSNumber) -> Bool { String(cString: number.objCType) != "c" }
}

public enum MetricsReadingError: Error, Equatable, CustomStringConvertible {
    case unreadable(path: String)
    case notMetrics(path: String, line: Int)

    public var description: String {
        switch self {
        case .unreadable(let path): "\(path) cannot be read; name a run directory, which has a metrics.jsonl"
        case .notMetrics(let path, let line): "\(path), line \(line): not a record of a run"
        }
    }
}
