import Foundation
import Runs
import TestSupport
import Testing

@Suite struct MetricsReaderTests {
    private static let log = """
        {"step":10,"version":2,"seconds":5,"tokens":100,"loss":3,"tokens_per_second":20}
        {"step":20,"seconds":9.5,"tokens":200,"loss":null,"tokens_per_second":20}
        {"step":20,"seconds":12,"evaluation":{"step":20,"tokens":7,"loss":2.5,"majority_class":true,"validation":{"accuracy":0.5}}}
        {"step":30,"seconds":16,"tokens":300,"loss":1,"late":7}

        """

    @Test func linesBecomeColumns() throws {
        let folder = try TemporaryFolder()
        var reader = MetricsReader(path: try folder.write(Self.log + "{\"step\":40", to: "metrics.jsonl"))
        #expect(try reader.read())
        #expect(reader.training.steps == [10, 20, 30] && reader.training.tokens == [100, 200, 300])
        #expect(reader.training.seconds == [5, 9.5, 16] && reader.hasSeconds && reader.version == 2)
        #expect(reader.training.values["loss"]?.map(\.isNaN) == [false, true, false] && reader.nonFiniteLines == 1)
        #expect(reader.training.values["late"]?.map(\.isNaN) == [true, true, false])
        #expect(reader.evaluations.values.keys.sorted() == ["accuracy", "loss"])
        #expect(reader.evaluations.tokens == [200] && reader.evaluations.last("accuracy") == 0.5)
        #expect(try !reader.read())
    }

    /// Wherever the writer is at a reading, the end is the same.
    @Test func readingInPartsEqualsReadingAtOnce() throws {
        let folder = try TemporaryFolder()
        var whole = MetricsReader(path: try folder.write(Self.log, to: "whole.jsonl"))
        _ = try whole.read()
        let bytes = Array(Self.log.utf8)
        for cut in stride(from: 0, through: bytes.count, by: 7) {
            var parts = MetricsReader(path: try folder.write(bytes[..<cut], to: "parts.jsonl"))
            _ = try parts.read()
            try folder.write(bytes, to: "parts.jsonl")
            _ = try parts.read()
            #expect(
                parts.evaluations.steps == whole.evaluations.steps && parts.training.steps == whole.training.steps,
                "cut at \(cut)")
            #expect(parts.training.seconds == whole.training.seconds && parts.nonFiniteLines == 1)
        }
    }

    @Test func aFileThatWasCutIsReadAnew() throws {
        let folder = try TemporaryFolder()
        var reader = MetricsReader(path: try folder.write(Self.log, to: "metrics.jsonl"))
        _ = try reader.read()
        // Shorter, and as long as before but another one.
        for loss in [4, 5] {
            let count = loss == 4 ? 2 : 9
            var lines = ""
            for step in 1...count { lines += #"{"step":\#(step),"tokens":\#(step),"loss":\#(loss)}"# + "\n" }
            try folder.write(lines, to: "metrics.jsonl")
            #expect(try reader.read())
            #expect(reader.training.values["loss"]?.allSatisfy { $0 == Double(loss) } == true)
            #expect(reader.training.count == count && reader.evaluations.isEmpty)
        }
    }

    @Test func anEarlierLogGetsItsSecondsFromSpeeds() throws {
        let folder = try TemporaryFolder()
        let lines = """
            {"step":1,"tokens":100,"loss":1,"tokens_per_second":50}
            {"step":2,"tokens":300,"loss":1,"tokens_per_second":100}
            {"step":3,"seconds":1.5,"tokens":400,"loss":1}

            """
        let path = try folder.write(lines, to: "metrics.jsonl")
        var reader = MetricsReader(path: path)
        _ = try reader.read()
        // The log's own seconds begin where the estimate has come to.
        #expect(reader.training.seconds == [2, 4, 5.5] && reader.version == 1)
    }

    @Test func anythingElseIsNoLog() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("{\"step\":1}\nhello\n", to: "metrics.jsonl")
        #expect(throws: MetricsReadingError.notMetrics(path: path, line: 2)) {
            var reader = MetricsReader(path: path)
            _ = try reader.read()
        }
        #expect(throws: MetricsReadingError.unreadable(path: "/no/such")) {
            var reader = MetricsReader(path: "/no/such")
            _ = try reader.read()
        }
    }

    @Test("Lines before one that is no record are read once, however often a reading fails")
    func badLine() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Self.log + "\0\0\0\n", to: "metrics.jsonl")
        var reader = MetricsReader(path: path)
        for _ in 0..<3 {
            #expect(throws: MetricsReadingError.notMetrics(path: path, line: 5)) { try reader.read() }
        }
        #expect(
            reader.training.steps == [10, 20, 30] && reader.evaluations.steps == [20] && reader.nonFiniteLines == 1)
        // As a run that goes on leaves it.
        try folder.write(Self.log + #"{"step":40,"seconds":20,"tokens":400,"loss":1}"# + "\n", to: "metrics.jsonl")
        #expect(try reader.read())
        #expect(reader.training.steps == [10, 20, 30, 40] && reader.training.seconds == [5, 9.5, 16, 20])
        // A line of too many names is none either.
        let names = (0..<5000).map { #","a\#($0)":0"# }.joined()
        try folder.write(Self.log + #"{"step":40\#(names)}"# + "\n", to: "metrics.jsonl")
        for _ in 0..<2 {
            #expect(throws: MetricsReadingError.notMetrics(path: path, line: 5)) { try reader.read() }
        }
        #expect(reader.training.steps == [10, 20, 30])
    }

    @Test(
        "Numbers that no run has are no records",
        arguments: [
            #"{"step":1,"tokens":9000000000000000000}"#, #"{"step":1,"tokens":-1}"#,
            #"{"step":-9223372036854775808,"loss":1}"#, #"{"step":1e300}"#,
        ])
    func impossible(_ line: String) throws {
        let folder = try TemporaryFolder()
        var reader = MetricsReader(path: try folder.write(line + "\n", to: "metrics.jsonl"))
        #expect(throws: MetricsReadingError.notMetrics(path: folder("metrics.jsonl"), line: 1)) { try reader.read() }
    }

    @Test("A file of names is no record, and a pipe is not waited for", .timeLimit(.minutes(1)))
    func hostile() throws {
        let folder = try TemporaryFolder()
        let names = (0..<20_000).map { #"{"step":1,"a\#($0)":0}"# + "\n" }.joined()
        var reader = MetricsReader(path: try folder.write(names, to: "metrics.jsonl"))
        #expect(throws: MetricsReadingError.self) { try reader.read() }
        #expect(mkfifo(folder("pipe"), 0o600) == 0)
        var pipe = MetricsReader(path: folder("pipe"))
        #expect(throws: MetricsReadingError.unreadable(path: folder("pipe"))) { try pipe.read() }
    }
}
