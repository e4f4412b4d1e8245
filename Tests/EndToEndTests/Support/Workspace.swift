import Foundation
import TestSupport
import Testing

/// A folder with a corpus and a configuration of a tiny model, in which runs take place.
final class Workspace {
    let folder: TemporaryFolder

    var path: String { folder.path }

    init() throws {
        folder = try TemporaryFolder()
        for part in 0..<3 {
            try folder.write(SyntheticText.text(50, seed: UInt64(part)), to: "corpus/part\(part).txt")
        }
        Compressed.gzip(SyntheticText.jsonLines(60, seed: 7), to: path + "/corpus/lines.jsonl.gz")
        try folder.write(Self.configuration, to: "tiny.yaml")
    }

    static let configuration = """
        \(TinyModels.twoLayers)
        corpus:
          sources: [{path: corpus}]
          sequence_length: 32
          held_out: 0.05
          interleave_documents: 8
          shuffle_documents: 50
        training: {steps: 20, batch_size: 8, checkpoint_every: 5, evaluate_every: 10, log_every: 1}
        evaluation: {tokens: 300, samples: 0}
        """

    /// The arguments of a run with settings `key=value`.
    func arguments(_ output: String, _ settings: [String] = [], threads: Int = 2, _ more: [String] = []) -> [String] {
        ["run", "tiny.yaml", "--output", output, "--threads", "\(threads)", "--quiet"] + more
            + settings.flatMap { ["--set", $0] }
    }

    @discardableResult
    func run(
        _ output: String, _ settings: [String] = [], threads: Int = 2, _ more: [String] = [],
        environment: [String: String]? = nil, expecting status: Int32? = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Program.Outcome {
        let outcome = try Program.run(
            arguments(output, settings, threads: threads, more), environment: environment, in: path)
        if let status {
            #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: sourceLocation)
        }
        return outcome
    }

    func start(_ output: String, _ settings: [String] = [], _ more: [String] = []) throws -> Child {
        try Program.start(arguments(output, settings, more), in: path)
    }

    /// Runs any command in the workspace.
    func pretrain(_ arguments: String..., input: String? = nil) throws -> Program.Outcome {
        try Program.run(arguments, input: input, in: path)
    }

    /// Steps of the checkpoints of a run, without asking the program.
    func steps(_ output: String) -> [Int] {
        folder.names("\(output)/checkpoints").compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }
    }

    func checkpoint(_ output: String, _ step: Int) -> String {
        let digits = String(step)
        return "\(output)/checkpoints/step-" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// What a run came to.
    func record(_ output: String) throws -> RunRecord { try RunRecord(self, output) }
}

/// Everything of a finished run that must not depend on threads or interruptions.
struct RunRecord: Equatable {
    var step: Int
    var weights: String
    /// SHA-256 of moments, loader state, fingerprint, tokenizer, state and configuration.
    var files: [String: String]
    /// Lines of `metrics.jsonl` without what the clock decides.
    var metrics: [String]

    init(_ workspace: Workspace, _ output: String) throws {
        let outcome = try workspace.pretrain("checkpoint", "inspect", output, "--json")
        let report = try outcome.json()
        step = try #require(report["step"] as? Int)
        weights = try #require(report["weights_sha256"] as? String)
        files = [:]
        for file in try #require(report["files"] as? [[String: Any]]) {
            files[try #require(file["file"] as? String)] = try #require(
                (file["sha256"] ?? file["stored_sha256"]) as? String)
        }
        metrics = try workspace.folder.text("\(output)/metrics.jsonl").split(separator: "\n").map { line in
            var object = try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "torn line: \(line)")
            for timed in ["seconds", "tokens_per_second", "utilisation"] { object[timed] = nil }
            return String(
                decoding: try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), as: UTF8.self)
        }
    }

    /// Compares, telling the part that differs; the path of the corpus may be another one.
    func expectEqual(
        _ other: RunRecord, ignoring ignored: Set<String> = [], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(step == other.step, sourceLocation: sourceLocation)
        #expect(weights == other.weights, "weights", sourceLocation: sourceLocation)
        for (file, digest) in files where !ignored.contains(file) {
            #expect(digest == other.files[file], "\(file)", sourceLocation: sourceLocation)
        }
        #expect(metrics.count == other.metrics.count, sourceLocation: sourceLocation)
        if let difference = zip(metrics, other.metrics).first(where: { $0 != $1 }) {
            Issue.record("\(difference.0)\n\(difference.1)", sourceLocation: sourceLocation)
        }
    }
}
