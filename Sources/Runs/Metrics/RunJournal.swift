import Files
import Foundation
import Machine

/// What `journal.jsonl` tells: one line for every time that a run was started, warned, saved and ended. It only grows, also
/// where a run goes back to a checkpoint: what it cost was spent.
public struct JournalEntry: Codable, Sendable, Equatable {
    public enum Event: String, Codable, Sendable {
        case started, warning, checkpoint, ended
    }

    public enum Outcome: String, Codable, Sendable {
        case finished, stopped, abandoned, failed
    }

    public var event: Event
    /// Seconds since 1970.
    public var time: Double
    /// Steps that were finished.
    public var step: Int
    /// What runs and where; of a start.
    public var origin: RunOrigin?
    /// Of an end.
    public var outcome: Outcome?
    /// Of a warning; the signal or the error of an end.
    public var message: String?
    /// Of this start until now.
    public var usage: RunUsage?
}

/// The program and the machine of a run.
public struct RunOrigin: Codable, Sendable, Equatable {
    /// With its version.
    public var program: String
    public var host: String
    public var processor: String
    /// Threads that compute.
    public var threads: Int?
    /// Of the machine.
    public var memoryBytes: Int
    /// Measured operations per second of matrix products, with these threads.
    public var peakFlops: Double?
    /// What multiplies.
    public var linearAlgebra: String?

    /// A program on this machine.
    public init(program: String, threads: Int?, peakFlops: Double? = nil, linearAlgebra: String? = nil) {
        self.program = program
        host = ProcessInfo.processInfo.hostName
        processor = ProcessorName.text
        self.threads = threads
        memoryBytes = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        self.peakFlops = peakFlops
        self.linearAlgebra = linearAlgebra
    }
}

/// What a process has used.
public struct RunUsage: Codable, Sendable, Equatable {
    /// By the clock, since training started.
    public var seconds: Double
    /// Of all processors, user and system, of this process meanwhile: with whatever else it did, as runs side by side.
    public var processorSeconds: Double
    /// Of the machine's processors, whatever else ran on them; nil where the system does not tell.
    public var energyJoules: Double?
    public var peakMemoryBytes: Int

    /// Of this process.
    ///
    /// - Parameter processorSecondsBefore: that it had used when training started.
    init(seconds: Double, energyJoules: Double?, processorSecondsBefore: Double) {
        let usage = Self.system()
        self.seconds = seconds
        processorSeconds = Self.processorSeconds(usage) - processorSecondsBefore
        self.energyJoules = energyJoules
        peakMemoryBytes = usage.ru_maxrss << 10
    }
}

extension RunUsage {
    /// Of all processors since the process began.
    static var processorSecondsOfProcess: Double { processorSeconds(system()) }

    fileprivate static func system() -> rusage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage
    }

    fileprivate static func processorSeconds(_ usage: rusage) -> Double {
        func total(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
        return total(usage.ru_utime) + total(usage.ru_stime)
    }
}

/// Appends to `journal.jsonl`.
final class RunJournal {
    private let file: AppendOnlyFile

    /// Opens the journal, without what a crash or a power failure has left of entries in it.
    init(path: String) throws {
        let text = FileManager.default.contents(atPath: path) ?? Data()
        let lines = text.split(separator: UInt8(ascii: "\n"))
        let whole = lines.filter { (try? JSONSerialization.jsonObject(with: Data($0))) is [String: Any] }
        if whole.count != lines.count || text.last.map({ $0 != UInt8(ascii: "\n") }) == true {
            let newline = Data("\n".utf8)
            do {
                try OutputFile(checking: path).write(whole.reduce(into: Data()) { $0 += $1 + newline })
            } catch {
                throw MetricsError.cannotWrite(path: path, reason: "\(error)")
            }
        }
        file = try AppendOnlyFile(path: path)
    }

    func synchronize() throws { try file.synchronize() }

    func append(_ entry: JournalEntry) throws {
        try file.append(Array(try JSONLine.encode(entry).utf8) + [UInt8(ascii: "\n")])
    }
}

extension JournalEntry {
    /// All that a run's journal tells, in order; lines that are torn or of another kind are left out. Empty where there is none:
    /// runs of earlier versions have no journal.
    public static func entries(path: String) -> [JournalEntry] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return (FileManager.default.contents(atPath: path) ?? Data()).split(separator: UInt8(ascii: "\n")).compactMap {
            try? decoder.decode(JournalEntry.self, from: Data($0))
        }
    }
}
