import Checkpoints
import Foundation
import Reports
import TestSupport

/// A run's directory as a run leaves it, but for checkpoints: curves that are known, and names that mean harm.
struct RecordedRun {
    static let hostile = "</script><script>alert(1)</script>\"'&\u{202E}x"

    let folder: TemporaryFolder
    var path: String { folder("run") }

    /// - Parameters:
    ///   - lines: of training; the loss of line n is 10/n, its step 10 n.
    ///   - ends: whether the journal tells that the run was finished.
    init(lines: Int = 40, ends: Bool = true) throws {
        folder = try TemporaryFolder()
        try folder.write(Self.metrics(1...lines), to: "run/metrics.jsonl")
        try folder.write(
            "model: {preset: demo, layer_count: 3}\ntraining: {steps: \(lines * 10)}\n"
                + "corpus: {sources: [{path: \"corpora/x.txt\"}]}\n", to: "run/config.yaml")
        let token = { (text: String, original: String?, belief: Double) in
            var object: [String: Any] = ["text": text, "probability": belief]
            if let original { object["original"] = original }
            return object
        }
        let sample = [token("It", nil, 0.01), token(" was", nil, 0.4), token(Self.hostile, " the", 0.93)]
        let line: [String: Any] = ["step": lines * 10, "samples": [["tokens": sample]]]
        try folder.write(try JSONSerialization.data(withJSONObject: line) + [0x0A], to: "run/samples.jsonl")
        var journal = """
            {"event":"started","time":1700000000,"step":0,"origin":{"program":"pretrain 9","host":"h","processor":"P","threads":4,\
            "memory_bytes":1000}}
            {"event":"warning","time":1700000010,"step":50,"message":"watch <out>"}
            {"event":"warning","time":1700000020,"step":90,"message":"watch <out>"}
            {"event":"checkpoint","time":1700000030,"step":100,"usage":{"seconds":30,"processor_seconds":7200,"peak_memory_bytes":5}}
            {"event":"started","time":1700000100,"step":100}

            """
        if ends {
            journal +=
                #"{"event":"ended","time":1700000200,"step":\#(lines * 10),"outcome":"finished","usage":{"seconds":99,"#
            journal += #""processor_seconds":3600,"energy_joules":3.6e6,"peak_memory_bytes":9}}"#
            journal += "\n"
        }
        try folder.write(journal, to: "run/journal.jsonl")
    }

    /// Lines of training, and an evaluation after every tenth.
    static func metrics(_ lines: ClosedRange<Int>) -> String {
        var text = ""
        for line in lines {
            let version = line == 1 ? #","version":2"# : ""
            let place = #"{"step":\#(line * 10)\#(version),"seconds":\#(line * 36)"#
            let (loss, generator, heldOut) = (10 / Double(line), 8 / Double(line), 9 / Double(line))
            text +=
                #"\#(place),"tokens":\#(line * 1000),"loss":\#(loss),"generator_loss":\#(generator),"learning_rate":0.001,"#
            text += #""gradient_norm":2,"tokens_per_second":100,"utilisation":0.5,"epoch":0}"#
            text += "\n"
            guard line % 10 == 0 else { continue }
            text +=
                #"\#(place),"evaluation":{"step":\#(line * 10),"tokens":9,"generator_loss":\#(heldOut),"unigram_entropy":6.5,"#
            text +=
                #""discriminator_loss":0.3,"discriminator_auc":0.75,"discriminator_recall":0.5,"majority_class":false}}"#
            text += "\n"
        }
        return text
    }

    func append(_ text: String, to name: String = "metrics.jsonl") throws {
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(path)/\(name)"))
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
    }

    /// A checkpoint of no weights, whose tokenizer has neither words nor special tokens.
    func addCheckpoint(step: Int) throws {
        let tokenizer =
            #"{"pre_tokenizer": {"type": "BertPreTokenizer"}, "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "a": 1}}}"#
        let loader = #"{"version":1,"settings":{},"sources":[],"openSequences":[],"completedSequences":0,"batches":0}"#
        let directory = CheckpointDirectory(path: path + "/checkpoints")
        try directory.prepare()
        try CheckpointWriter(directory: directory).write(
            CheckpointContents(
                step: step, groups: [],
                documents: [
                    CheckpointDocument(name: "config.yaml", text: "training: {steps: \(step)}\n"),
                    CheckpointDocument(name: "tokenizer.json", text: tokenizer),
                    CheckpointDocument(name: "loader.json", text: loader),
                    CheckpointDocument(name: "corpus.json", text: #"{"files":[]}"#),
                    CheckpointDocument(
                        name: "state.json", text: #"{"step":\#(step),"tokens":\#(step * 100),"skippedSteps":0}"#),
                ], metadata: [:]))
    }

    func reader(name: String = "a run", words: [String] = []) throws -> ReportReader {
        try ReportReader(runs: [path], names: [name], results: [])
    }
}
