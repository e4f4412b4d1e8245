import Foundation

/// What `manifest.json` says about a checkpoint.
///
/// A checkpoint is a directory. Beside the manifest it holds `SHA256SUMS`, which `sha256sum -c` checks, and one
/// `.lz4` file for every group of tensors and every document; each is a sequence of standard LZ4 frames, some filled up
/// to a multiple of 4,096 bytes with a skippable one, so `lz4 -d` opens it. A document's file decodes to the document itself. A group's file decodes to its tensors one
/// after another as little-endian floats, after the file's `transform` has been reversed frame by frame: see
/// `TensorTransform`. `Tools/read_checkpoint.py` is a complete reader in Python.
public struct CheckpointManifest: Codable, Equatable, Sendable {
    public static let fileName = "manifest.json"
    public static let checksumsFileName = "SHA256SUMS"
    static let formatName = "pretrain-checkpoint"
    /// Format 3 has `exponent-planes`, frames that are filled up with skippable ones, and no SHA-256 of the raw weights.
    static let currentVersion = 3
    /// The oldest format that is read.
    static let oldestVersion = 2

    /// A tensor's place in its group.
    public struct Tensor: Codable, Equatable, Sendable {
        public var name: String
        public var shape: [Int]
        /// Where the tensor starts in the decoded file, in bytes.
        public var offset: Int

        public init(name: String, shape: [Int], offset: Int) {
            self.name = name
            self.shape = shape
            self.offset = offset
        }

        /// Number of floats; only for validated manifests, where the product cannot overflow.
        public var elementCount: Int { shape.reduce(1, *) }
    }

    /// One LZ4 frame of a file.
    public struct Frame: Codable, Equatable, Sendable {
        public var storedBytes: Int
        /// What the transform subtracted from the exponents of this frame, `0...255`.
        public var exponent: Int

        enum CodingKeys: String, CodingKey {
            case storedBytes = "stored_bytes"
            case exponent
        }
    }

    /// A stored file. All frames but the last decode to `frameBytes` bytes.
    public struct File: Codable, Equatable, Sendable {
        /// Name of the file inside the checkpoint directory.
        public var file: String
        /// Size of what was stored: the document, or the tensors as little-endian floats.
        public var bytes: Int
        /// SHA-256 of the same, of documents; in format 2 also of the group `weights`. Tensors have that of the stored bytes
        /// alone, which says as much about their content and is computed once less.
        public var sha256: String?
        /// Size and SHA-256 of the file as it is on disk.
        public var storedBytes: Int
        public var storedSHA256: String
        public var transform: TensorTransform
        public var frameBytes: Int
        public var frames: [Frame]

        enum CodingKeys: String, CodingKey {
            case file, bytes, sha256, transform, frames
            case storedBytes = "stored_bytes"
            case storedSHA256 = "stored_sha256"
            case frameBytes = "frame_bytes"
        }

        /// Equal for equal contents; the stored bytes stand for the content where it has no hash of its own.
        var contentIdentity: String { sha256 ?? storedSHA256 }

        /// Bytes that a frame decodes to.
        func rawRange(ofFrame index: Int) -> Range<Int> {
            index * frameBytes..<min((index + 1) * frameBytes, bytes)
        }
    }

    public struct Group: Codable, Equatable, Sendable {
        public var name: String
        public var storage: File
        public var tensors: [Tensor]

        public var elementCount: Int { storage.bytes / 4 }
    }

    public struct Document: Codable, Equatable, Sendable {
        public var name: String
        public var storage: File
    }

    public var format: String
    public var version: Int
    public var step: Int
    /// When the checkpoint was written, ISO 8601 in UTC.
    public var created: String
    /// Number of floats in the group `weights`.
    public var parameters: Int
    /// In format 2: SHA-256 over the raw little-endian floats of the group `weights` in the order of its tensors; absent
    /// without that group. `CheckpointReader.weightsSHA256` computes it.
    var weightsSHA256: String?
    public var metadata: [String: String]
    /// Which checkpoints the writer keeps, so that a listing can say why one is still there.
    public var retention: Retention?
    public var groups: [Group]
    public var documents: [Document]

    enum CodingKeys: String, CodingKey {
        case format, version, step, created, parameters, metadata, retention, groups, documents
        case weightsSHA256 = "weights_sha256"
    }

    /// All stored files, tensors first.
    public var files: [File] { groups.map(\.storage) + documents.map(\.storage) }
    /// Size of everything that was stored.
    public var bytes: Int { files.reduce(0) { $0 + $1.bytes } }
    /// Size of the stored files on disk, without the manifest.
    public var storedBytes: Int { files.reduce(0) { $0 + $1.storedBytes } }

    public func group(_ name: String) -> Group? { groups.first { $0.name == name } }
    public func document(_ name: String) -> Document? { documents.first { $0.name == name } }

    /// Whether two checkpoints hold the same step, tensors and documents, whenever and however they were stored.
    func holdsTheSame(as other: CheckpointManifest) -> Bool {
        step == other.step && metadata == other.metadata
            && groups.map(\.name) == other.groups.map(\.name)
            && groups.map(\.tensors) == other.groups.map(\.tensors)
            && documents.map(\.name) == other.documents.map(\.name)
            && files.map(\.contentIdentity) == other.files.map(\.contentIdentity)
    }

    /// The text of `manifest.json`.
    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }

    /// The text of `SHA256SUMS` beside a manifest with this digest.
    func checksums(manifestSHA256: String) -> String {
        "\(manifestSHA256)  \(Self.fileName)\n" + files.map { "\($0.storedSHA256)  \($0.file)\n" }.joined()
    }
}
