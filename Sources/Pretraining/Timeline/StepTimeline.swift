import Communication
import Files
import Foundation
import Kernels

/// What all threads of all ranks did in one step, and how long messages were under way.
struct StepTimeline {
    /// Of one rank.
    struct Part: Codable {
        var host: String
        /// The time of day, in nanoseconds, at which its clock stood at 0: what makes the clocks of machines comparable, as far as
        /// these agree.
        var origin: Double
        var spans: [Profile.Span]
    }

    var step: Int
    /// By rank.
    var parts: [Part]

    /// Records what this rank does, and its messages; with all others', as they do the same at the same time.
    ///
    /// - Returns: with the first rank only.
    static func recorded<Result>(step: Int, _ ranks: RankGroup?, _ body: () throws -> Result) throws -> (
        Result, StepTimeline?
    ) {
        Profile.startSpans()
        ranks?.observer = { record in
            let size = String(format: "%.1f KB", Double(record.byteCount) / 1000)
            Profile.add(
                "\(record.kind), \(size)", from: record.started, to: record.ended,
                message: "\(record.isReceived ? "from" : "to") rank \(record.rank)")
        }
        let result: Result
        do {
            result = try body()
        } catch {
            ranks?.observer = nil
            _ = Profile.stopSpans()
            throw error
        }
        ranks?.observer = nil
        let own = Part(
            host: ranks.map { $0.hosts[$0.rank] } ?? "",
            origin: Date().timeIntervalSince1970 * 1e9 - Double(Profile.now), spans: Profile.stopSpans())
        guard let ranks else { return (result, StepTimeline(step: step, parts: [own])) }
        let encoder = PropertyListEncoder()
        encoder.outputFormat = .binary
        let parts = try ranks.gather(try encoder.encode(own), for: "what others did in the step").map {
            try PropertyListDecoder().decode(Part.self, from: $0)
        }
        return (result, ranks.leads ? StepTimeline(step: step, parts: parts) : nil)
    }

    /// When the first rank began, in nanoseconds of the time of day.
    var start: Double {
        parts.flatMap { part in part.spans.map { part.origin + Double($0.start) } }.min() ?? 0
    }

    func write(_ request: TimelineRequest) throws {
        let file = try OutputFile(checking: request.path)
        try file.write(request.format == .svg ? Data(figure.svg.utf8) : try trace())
    }

    /// In Chrome's trace format (Trace Event Format, Google): a process for each rank, a row for each of its threads; messages, which
    /// may be under way at the same time, as asynchronous events.
    func trace() throws -> Data {
        var events: [TraceEvent] = []
        let start = start
        var messages = 0
        for (rank, part) in parts.enumerated() {
            let host = part.host.isEmpty ? "" : " on \(part.host)"
            events.append(TraceEvent("process_name", "M", rank, args: ["name": "rank \(rank)\(host)"]))
            let threads = part.threads
            for (index, thread) in threads.enumerated() {
                events.append(TraceEvent("thread_name", "M", rank, index, args: ["name": thread]))
            }
            for span in part.spans {
                let microseconds = (part.origin + Double(span.start) - start) / 1000
                let length = Double(span.nanoseconds) / 1000
                let thread = threads.firstIndex(of: span.thread) ?? 0
                if let message = span.message {
                    messages += 1
                    let name = "\(span.name) \(message)"
                    for (phase, time) in [("b", microseconds), ("e", microseconds + length)] {
                        events.append(
                            TraceEvent(name, phase, rank, thread, time, category: "message", identifier: messages))
                    }
                } else {
                    events.append(
                        TraceEvent(
                            span.name, "X", rank, thread, microseconds, duration: length,
                            category: span.phase.map { $0.isEmpty ? "kernel" : $0 } ?? "phase"))
                }
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(["traceEvents": events])
    }
}

extension StepTimeline.Part {
    /// Those that lead first, then those that compute, then those that send.
    var threads: [String] {
        func rank(_ name: String) -> Int { name == "run" ? 0 : name == "exchange" ? 2 : 1 }
        return Set(spans.map(\.thread)).sorted {
            (rank($0), $0.count, $0) < (rank($1), $1.count, $1)
        }
    }
}

private struct TraceEvent: Encodable {
    var name: String
    var phase: String
    var process: Int
    var thread: Int
    var time: Double?
    var duration: Double?
    var category: String?
    var identifier: Int?
    var args: [String: String]?

    init(
        _ name: String, _ phase: String, _ process: Int, _ thread: Int = 0, _ time: Double? = nil,
        duration: Double? = nil, category: String? = nil, identifier: Int? = nil, args: [String: String]? = nil
    ) {
        self.name = name
        self.phase = phase
        self.process = process
        self.thread = thread
        self.time = time
        self.duration = duration
        self.category = category
        self.identifier = identifier
        self.args = args
    }

    private enum CodingKeys: String, CodingKey {
        case name, args
        case phase = "ph"
        case process = "pid"
        case thread = "tid"
        case time = "ts"
        case duration = "dur"
        case category = "cat"
        case identifier = "id"
    }
}
