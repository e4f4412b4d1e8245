import Checkpoints
import Foundation
import Synchronization
import TestSupport

/// A folder with a corpus, configurations and labelled texts, in which everything takes place.
final class Workbench: Sendable {
    let program: String
    let path: String
    let keeps: Bool
    /// The library that comes between the program and the system.
    let shim: String
    private let names = Mutex(0)
    private let hasLeft = Mutex(false)
    private let tokenizerFile = Lazily<String>()
    private let modelFolder = Lazily<String>()
    private let halfFolder = Lazily<String>()
    private let folder: String

    init(program: String?, folder: String?, keeps: Bool, jobs: Int) throws {
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent()
            .appendingPathComponent("pretrain").path
        self.program = URL(fileURLWithPath: program ?? beside).path
        guard FileManager.default.isExecutableFile(atPath: self.program) else {
            throw Finding("\(self.program) is not there; build it first, or name it with --program")
        }
        self.keeps = keeps
        let base = folder ?? (access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NSTemporaryDirectory())
        var template = Array("\(base)/torture-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil, let real = realpath(template, nil) else {
            throw Finding("cannot make a folder in \(base)")
        }
        defer { free(real) }
        self.folder = String(cString: real)
        path = self.folder
        shim = path + "/shim.so"
        try buildShim()
        try fill()
    }

    deinit { if hasLeft.withLock({ !$0 }) { try? FileManager.default.removeItem(atPath: folder) } }

    private func buildShim() throws {
        let source = path + "/shim.c"
        try Data(PackageResources.shim_c).write(to: URL(fileURLWithPath: source))
        let compiler = ProcessInfo.processInfo.environment["CC"] ?? "cc"
        let child = try Child(
            "/usr/bin/env", [compiler, "-O1", "-shared", "-fPIC", "-o", shim, source, "-ldl", "-lpthread"],
            streams: path + "/cc")
        let outcome = try child.end()
        guard outcome.succeeded else { throw Finding("\(compiler) cannot build the shim: \(outcome.errors)") }
    }

    private func fill() throws {
        for part in 0..<3 {
            try write(Data(SyntheticText.text(50, seed: UInt64(part)).utf8), "corpus/part\(part).txt")
        }
        Compressed.gzip(SyntheticText.jsonLines(60, seed: 7), to: path + "/corpus/lines.jsonl.gz")
        try write(Compressed.zstandard(SyntheticText.jsonLines(30, seed: 9)), "more/more.jsonl.zst")
        try write(Compressed.lz4(SyntheticText.text(30, seed: 10)), "more/more.txt.lz4")
        try write(Data(Self.configuration.utf8), "tiny.yaml")
        try write(Data(Self.target.utf8), "target.yaml")
        var random = SplitMix64(seed: 4)
        for (name, count) in [("train", 48), ("dev", 16)] {
            let lines = (0..<count).map { number in
                #"{"text": "\#(SyntheticText.sentence(&random))", "label": "\#(number % 2 == 0 ? "yes" : "no")"}"#
            }
            try write(Data(lines.joined(separator: "\n").utf8), "\(name).jsonl")
        }
    }

    func write(_ data: Data, _ name: String) throws {
        let url = URL(fileURLWithPath: "\(path)/\(name)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: url)
    }

    /// A path of the folder that nothing else has.
    func fresh(_ name: String) -> String {
        let number = names.withLock { value in
            value += 1
            return value
        }
        return "\(path)/\(name)-\(number)"
    }

    /// Of a trial that has found something: stays where that is wanted.
    func leave(_ paths: [String]) {
        if keeps { hasLeft.withLock { $0 = true } } else { for path in paths { discard(path) } }
    }

    /// Removes what a trial has made.
    func discard(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

    func start(_ arguments: [String], environment: [String: String] = [:]) throws -> Child {
        try Child(program, arguments, environment: environment, streams: fresh("streams"))
    }

    /// Runs to the end.
    func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Child.Outcome {
        try start(arguments, environment: environment).end()
    }

    /// Runs to the end, which must be a good one.
    @discardableResult
    func succeed(_ arguments: [String], environment: [String: String] = [:]) throws -> Child.Outcome {
        let outcome = try run(arguments, environment: environment)
        guard outcome.succeeded else {
            throw Finding("pretrain \(arguments.joined(separator: " ")) has failed: \(outcome.shown)")
        }
        return outcome
    }

    /// What the shim is told.
    func shim(_ folder: String, at number: Int = 0, _ action: String = "", calls: String = "", record: String = "")
        -> [String: String]
    {
        [
            "LD_PRELOAD": shim, "TORTURE_FOLDER": folder, "TORTURE_AT": "\(number)", "TORTURE_ACTION": action,
            "TORTURE_CALLS": calls, "TORTURE_RECORD": record,
        ]
    }

    /// Arguments of every run, with the corpus where it is.
    func run(_ output: String, _ settings: [String] = [], _ more: [String] = [], threads: Int = 1) -> [String] {
        let corpus =
            settings.contains { $0.hasPrefix("corpus.sources=") } ? [] : ["corpus.sources=[{path: \(path)/corpus}]"]
        return ["run", "\(path)/tiny.yaml", "--output", output, "--threads", "\(threads)", "--quiet"] + more
            + (corpus + settings).flatMap { ["--set", $0] }
    }

    /// A tokenizer of the corpus, trained once.
    var tokenizer: String {
        get throws {
            try tokenizerFile.get {
                let tokenizer = path + "/tokenizer.json"
                try succeed([
                    "tokenizer", "train", "--input", path + "/corpus", "--vocabulary-size", "400", "--output",
                    tokenizer,
                ])
                return tokenizer
            }
        }
    }

    /// A run that has finished, for what needs a model.
    var model: String {
        get throws {
            try modelFolder.get {
                let model = path + "/model"
                try succeed(run(model, ["model.embedding_size=32", "training.steps=6"]))
                return model
            }
        }
    }

    /// A run as a kill leaves it, made once: later records than the newest checkpoint, which is of step 4.
    func half(_ arguments: (_ output: String) -> [String]) throws -> String {
        try halfFolder.get {
            let half = path + "/half"
            try succeed(arguments(half) + ["--set", "training.keep_last=3"])
            for entry in try CheckpointDirectory(path: half + "/checkpoints").entries() where entry.step > 4 {
                try FileManager.default.removeItem(atPath: entry.path)
            }
            return half
        }
    }

    private static let configuration = """
        \(TinyModels.twoLayers)
        corpus:
          sequence_length: 32
          held_out: 0.05
          interleave_documents: 8
          shuffle_documents: 50
        training: {steps: 18, batch_size: 8, checkpoint_every: 3, evaluate_every: 6, log_every: 1}
        evaluation: {tokens: 300, samples: 2}
        """

    private static let target = """
        \(TinyModels.target)
        corpus: {sequence_length: 32, held_out: 0.05, shuffle_documents: 50}
        training: {steps: 30, batch_size: 4, lanes: 1, checkpoint_every: 4}
        """
}
