import Foundation
import Runs
import TestSupport
import Testing

private struct StepFields: Encodable, Sendable {
    var tokens = 1024
    var generatorLoss: Double
    var weightsSHA256: String?
}

private struct EvaluationFields: Encodable, Sendable {
    var evaluation = true
    var discriminatorAUC = Float(0.7)
}

@Suite struct MetricsLogTests {
    @Test func writesStepFirstAndFieldsInDeclaredOrder() throws {
        let folder = try TemporaryFolder()
        let path = folder("metrics.jsonl")
        let log = try MetricsLog(path: path, resumingAfter: nil)
        try log.append(StepFields(generatorLoss: 0.1), step: 1)
        try log.append(StepFields(generatorLoss: .nan, weightsSHA256: "a\"b\n"), step: 2, seconds: 1.23456)
        try log.append(EvaluationFields(), step: 2)
        // Nothing is held back: the file is complete while the log is open.
        #expect(
            try folder.text("metrics.jsonl") == """
                {"step":1,"version":2,"tokens":1024,"generator_loss":0.1}
                {"step":2,"seconds":1.235,"tokens":1024,"generator_loss":null,"weights_sha256":"a\\"b\\n"}
                {"step":2,"evaluation":true,"discriminator_auc":0.7}

                """)
        #expect(log.lostLines == 0)
        #expect(try MetricsLog(path: path, resumingAfter: 1).seconds == 0)
    }

    /// Behind a checkpoint, a power failure may spoil one line and spare the next.
    @Test func aSpoiledLineOfTheCheckpointsStep() throws {
        let folder = try TemporaryFolder()
        let path = folder("metrics.jsonl")
        let log = try MetricsLog(path: path, resumingAfter: nil)
        for step in 1...3 { try log.append(StepFields(generatorLoss: 1), step: step, seconds: Double(step)) }
        let safe = try folder.text("metrics.jsonl")
        try log.append(EvaluationFields(), step: 3, seconds: 9)
        let rest = try folder.text("metrics.jsonl").dropFirst(safe.count)
        try folder.write(safe + "\0\0\0\n" + rest, to: "metrics.jsonl")
        let resumed = try MetricsLog(path: path, resumingAfter: 3)
        #expect(try folder.text("metrics.jsonl") == safe)
        #expect(!resumed.endsWithEvaluation && resumed.seconds == 3)
        // A sound one stays.
        try folder.write(safe + rest, to: "metrics.jsonl")
        #expect(try MetricsLog(path: path, resumingAfter: 3).endsWithEvaluation)
        #expect(try folder.text("metrics.jsonl") == safe + rest)
    }

    /// From the beginning and from the middle, and for every byte at which a crash can tear the file: the resumed run's
    /// file is that of the uninterrupted one.
    @Test func aResumedLogEqualsTheUninterruptedOne() throws {
        let folder = try TemporaryFolder()
        func log(_ path: String, _ steps: ClosedRange<Int>, resumingAfter step: Int?) throws {
            let log = try MetricsLog(path: path, resumingAfter: step)
            for step in steps {
                try log.append(StepFields(generatorLoss: 1 / Double(step)), step: step)
                if step % 2 == 0 { try log.append(EvaluationFields(), step: step) }
            }
        }
        let whole = folder("whole.jsonl")
        try log(whole, 1...4, resumingAfter: nil)
        let expected = try folder.text("whole.jsonl")
        let bytes = Array(expected.utf8)
        for step in [0, 2] {
            let needed = expected.split(separator: "\n").prefix { line in
                (0...step).contains { line.hasPrefix("{\"step\":\($0),") }
            }.map { $0.utf8.count + 1 }.reduce(0, +)
            for cut in needed...bytes.count {
                let path = try folder.write(bytes[..<cut], to: "torn.jsonl")
                try log(path, (step + 1)...4, resumingAfter: step)
                let found = try folder.text("torn.jsonl")
                #expect(found == expected, "step \(step), cut at \(cut)")
            }
        }
    }

    @Test func removesRubbishAtTheEndOfLongFiles() throws {
        let folder = try TemporaryFolder()
        let kept = (1...3000).map { "{\"step\":\($0),\"note\":\"\(String(repeating: "x", count: $0 % 90))\"}\n" }
            .joined()
        let long = "{\"step\":4000,\"note\":\"\(String(repeating: "y", count: 200_000))\"}\n"
        let path = try folder.write(kept + long + "\n\nnot json\n{\"step\":\"x\"}\n{\"step\": 1", to: "metrics.jsonl")
        _ = try MetricsLog(path: path, resumingAfter: 3000)
        #expect(try folder.text("metrics.jsonl") == kept)
        _ = try MetricsLog(path: path, resumingAfter: 0)
        #expect(try folder.text("metrics.jsonl") == "")
        let absent = folder("absent.jsonl")
        _ = try MetricsLog(path: absent, resumingAfter: 7)
        #expect(try folder.text("absent.jsonl") == "")
        let rubbish = try folder.write("rubbish", to: "rubbish.jsonl")
        _ = try MetricsLog(path: rubbish, resumingAfter: 7)
        #expect(try folder.text("rubbish.jsonl") == "")
    }

    /// /dev/full fails every write for want of space.
    @Test func aFullDiskIsReportedOnce() throws {
        let log = try MetricsLog(path: "/dev/full", resumingAfter: nil)
        let error = #expect(throws: MetricsError.self) { try log.append(EvaluationFields(), step: 1) }
        #expect(error == .cannotWrite(path: "/dev/full", reason: "No space left on device"))
        try log.append(EvaluationFields(), step: 2)
        try log.append(EvaluationFields(), step: 3)
        #expect(log.lostLines == 3)
    }

    @Test func saysWhatIsWrongWithThePath() {
        #expect(throws: MetricsError.cannotOpen(path: "/nonexistent/m.jsonl", reason: "No such file or directory")) {
            try MetricsLog(path: "/nonexistent/m.jsonl", resumingAfter: nil)
        }
    }
}

@Suite struct JSONLineTests {
    struct Everything: Encodable {
        struct Inner: Encodable {
            var values: [Double] = [1, -0.5, .infinity, 1e300, 1e-7]
            var empty: [Int] = []
            var nested: [[Int?]] = [[1, nil], []]
        }
        enum Name: String, Encodable { case first }

        var zeta = Inner()
        var alpha = Int64.min
        var big = UInt64.max
        var share = Float(0.1)
        var isLast = true
        var name = Name.first
        var text = "é\u{1}\u{2028}/\\😀"
        var absent: Int?
        var table = ["key": 1]
    }

    @Test func keepsTheDeclaredOrderOfEverything() throws {
        let line = try JSONLine.encode(Everything())
        #expect(
            line == #"{"zeta":{"values":[1.0,-0.5,null,1e+300,1e-07],"empty":[],"nested":[[1,null],[]]},"#
                + #""alpha":-9223372036854775808,"big":18446744073709551615,"share":0.1,"is_last":true,"#
                + #""name":"first","text":"é\u0001\u2028/\\😀","table":{"key":1}}"#)
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        #expect(object?["text"] as? String == Everything().text)
        #expect(object?.count == 8)
    }

    @Test func agreesWithFoundationOnRandomValues() throws {
        struct Sample: Codable, Equatable {
            var number: Double
            var single: Float
            var text: String
            var integer: Int
            var list: [String: [Int8]]
        }
        var random = SplitMix64(seed: 3)
        for _ in 0..<500 {
            let scalars = (0..<6).compactMap { _ in UnicodeScalar(UInt32.random(in: 0...0x3000, using: &random)) }
            let sample = Sample(
                number: Double.random(in: -1e9...1e9, using: &random), single: Float.random(in: -1...1, using: &random),
                text: String(String.UnicodeScalarView(scalars)),
                integer: Int.random(in: Int.min...Int.max, using: &random),
                list: ["a": (0..<3).map { _ in Int8.random(in: -128...127, using: &random) }])
            let line = try JSONLine.encode(sample)
            #expect(!line.contains("\n"))
            #expect(try JSONDecoder().decode(Sample.self, from: Data(line.utf8)) == sample)
        }
    }
}
