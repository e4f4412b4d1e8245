import Checkpoints
import Configuration
import Corpus
import Foundation
import Pretraining

extension ModelHistory {
    /// Settings that decide what a model becomes, for its card; the checkpoint has all of them.
    private static let recipeKeys = [
        "objective.name", "objective.mask_fraction", "objective.generator_weight", "objective.discriminator_weight",
        "training.steps", "training.batch_size", "training.accumulation_steps", "corpus.sequence_length",
        "corpus.pairs",
        "optimizer.kind", "optimizer.peak_learning_rate", "optimizer.warmup_steps", "optimizer.schedule",
        "optimizer.weight_decay", "optimizer.clip_norm", "model.dropout", "model.attention_dropout", "training.seed",
        "training.precision",
    ]

    /// What a checkpoint of pretraining and the records of its run tell.
    ///
    /// - Throws: `CheckpointError` for a checkpoint that is damaged.
    public init(of reader: CheckpointReader) throws {
        self.init()
        let state = try TrainingCheckpoint.state(reader)
        startedFrom = state.startedFrom
        guard !TrainingCheckpoint.isImported(reader) else { return }
        let configuration = try TrainingCheckpoint.configuration(reader)
        let fingerprint = try TrainingCheckpoint.fingerprint(reader)
        sources = configuration.corpus.sources.enumerated().map { index, source in
            Source(name: source.path, fingerprint.files.filter { $0.source == index })
        }
        if let blocks = fingerprint.blocksPerFile {
            digestRemark =
                "The corpus was too large to be read as a whole for digests: they are of \(blocks) blocks of 64 KiB of each file."
        }
        let keys = try ConfigurationDocumentation(of: configuration).keys
        let values = Dictionary(keys.map { ($0.path, $0.defaultValue) }, uniquingKeysWith: { first, _ in first })
        let objective = configuration.objective
        recipe = Self.recipeKeys.compactMap { key in
            if key == "objective.generator_weight", !objective.hasGenerator { return nil }
            if key == "objective.discriminator_weight", !objective.name.detects { return nil }
            return values[key].map { (key, $0) }
        }
        recipe += [
            ("steps so far", "\(state.step)"), ("tokens so far", "\(state.tokens)"),
            ("program", reader.manifest.metadata["program"] ?? "pretrain"),
        ]
        metrics = Self.metrics(of: reader, step: state.step)
    }

    /// Measures on held-out text, of the last evaluation that the checkpoint's run made by then.
    private static func metrics(of reader: CheckpointReader, step: Int) -> [(name: String, value: String)] {
        let folder = (reader.path as NSString).deletingLastPathComponent as NSString
        let path = (folder.deletingLastPathComponent as NSString).appendingPathComponent("metrics.jsonl")
        guard let text = FileManager.default.contents(atPath: path) else { return [] }
        let found = text.split(separator: UInt8(ascii: "\n")).reversed().lazy.compactMap { line -> [String: Any]? in
            guard line.count < 1 << 20,
                let root = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any],
                let evaluation = root["evaluation"] as? [String: Any], let at = evaluation["step"] as? Int, at <= step
            else { return nil }
            return evaluation
        }.first
        guard let found, let at = found["step"] as? Int else { return [] }
        let shown = found.filter { !["step", "tokens", "majority_class"].contains($0.key) }.sorted { $0.key < $1.key }
        return [("evaluated after step", "\(at)"), ("held-out tokens", "\(found["tokens"] as? Int ?? 0)")]
            + shown.compactMap { name, value in
                guard let number = (value as? NSNumber)?.doubleValue else { return nil }
                return (name.replacing("_", with: " "), String(format: "%.4g", number))
            }
    }
}

extension ModelHistory.Source {
    /// - Parameters:
    ///   - path: of the configuration; its last name is kept, and of a pattern the folder's too.
    ///   - files: what was found there.
    init(name path: String, _ files: [CorpusFingerprint.File]) {
        let parts = path.split(separator: "/").map(String.init)
        let isPattern = parts.last.map { $0.contains("*") || $0.contains("?") || $0.contains("[") } ?? false
        let digests = files.compactMap { file in file.sha256.map { "\($0)  \(file.path)\n" } }
        var digest: String?
        if digests.count == files.count, !files.isEmpty {
            digest = files.count == 1 ? files[0].sha256 : Self.sha256(digests.joined())
        }
        self.init(
            name: parts.suffix(isPattern ? 2 : 1).joined(separator: "/"), files: files.count,
            bytes: CorpusFingerprint.bytes(files), sha256: digest)
    }

    private static func sha256(_ text: String) -> String {
        Array(text.utf8).withUnsafeBytes { SHA256Hasher.digest($0) }
    }
}
