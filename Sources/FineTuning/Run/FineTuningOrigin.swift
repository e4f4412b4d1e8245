import Checkpoints
import Corpus
import Files
import Foundation
import Pretraining

/// What a fine-tuned model was made of, as its checkpoints keep it: the encoder and the files of labelled texts.
public struct FineTuningOrigin: Codable, Equatable, Sendable {
    /// A file of labelled texts.
    public struct File: Codable, Equatable, Sendable {
        /// train, validation or test.
        public var use: String
        /// Without the folders of the machine.
        public var name: String
        public var bytes: Int64
        /// Of the file as it is, compressed or not; nil where it is a pipe, which cannot be read twice.
        public var sha256: String?
    }

    /// What the weights began as, with their digest; nil: chance.
    public var encoder: String?
    /// SHA-256 of the weights; nil for chance, and in checkpoints of earlier versions.
    public var weights: String?
    public var files: [File]

    /// - Parameters:
    ///   - task: whose files are there.
    ///   - reader: of the encoder's checkpoint; nil for weights by chance.
    ///   - path: of the encoder, as it was named.
    /// - Throws: `CheckpointError`.
    init(_ task: TaskConfiguration, encoder reader: CheckpointReader?, path: String) throws {
        encoder = try reader.map { try Self.encoder($0, path: path) }
        weights = try reader?.weightsSHA256()
        let paths: [(use: String, path: String?)] = [
            ("train", task.train), ("validation", task.validation), ("test", task.test),
        ]
        files = paths.compactMap { file in file.path.map { File(use: file.use, path: $0) } }
    }

    /// What a run that began with other weights differs in; nil for nothing.
    func difference(from other: FineTuningOrigin) -> String? {
        func named(_ origin: FineTuningOrigin) -> String { origin.encoder ?? "random weights" }
        if (encoder == nil) == (other.encoder == nil), weights == other.weights || other.weights == nil { return nil }
        return "the weights that it begins with (\(named(other)), now \(named(self)))"
    }

    /// An imported model that nothing has trained since is what it was imported from.
    private static func encoder(_ reader: CheckpointReader, path: String) throws -> String {
        if let beginning = try TrainingCheckpoint.untrainedOrigin(reader) { return beginning }
        let beginning = try TrainingCheckpoint.state(reader).startedFrom
        let step = reader.manifest.step
        let digest = try reader.weightsSHA256().map { ", weights of SHA-256 \($0)" } ?? ""
        let name = (HomeFolder.expanded(path) as NSString).lastPathComponent
        return "the run \(name.debugDescription) after step \(step)\(digest)"
            + (beginning.map { ", which began with \($0)" } ?? "")
    }
}

extension FineTuningOrigin.File {
    fileprivate init(use: String, path: String) {
        var status = stat()
        let isThere = stat(path, &status) == 0
        self.init(
            use: use, name: (path as NSString).lastPathComponent, bytes: isThere ? Int64(status.st_size) : 0,
            sha256: try? FileDigest.sha256(path: path, blocks: nil))
    }
}
