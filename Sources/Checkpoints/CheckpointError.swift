import Formatting
import Foundation

/// What can go wrong with checkpoints. Every case names the path at fault.
public enum CheckpointError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The operating system refused an operation; `code` is its `errno`.
    case system(operation: String, path: String, code: Int32)
    /// The disk is full, or has too little space for the checkpoint that is about to be written.
    case diskFull(path: String, neededBytes: Int?, freeBytes: Int?)
    /// The file does not hold what was written to it, or never was part of a sound checkpoint.
    case damaged(path: String, reason: String)
    /// The checkpoint was written by a newer, a very old or a foreign program; `supported` is the newest format.
    case unsupportedVersion(path: String, found: Int, supported: Int)
    /// The checkpoint is sound but holds something else than the caller expects, such as other shapes.
    case mismatch(path: String, reason: String)
    /// The contents handed to the writer cannot be stored, for example because two tensors share a name.
    case invalidContents(reason: String)
    /// The directory holds no checkpoint at all.
    case noCheckpoint(path: String)
    /// There are checkpoints, and every one of them is damaged.
    case noGoodCheckpoint(path: String, skipped: [SkippedCheckpoint])

    public var description: String {
        switch self {
        case .system(let operation, let path, let code):
            "\(path): cannot \(operation): \(String(cString: strerror(code)))"
        case .diskFull(let path, let needed, let free):
            if let needed, let free {
                """
                \(path): the disk is too full for this checkpoint: up to \(ByteFormat.text(needed)) needed, \
                \(ByteFormat.text(free)) free; make room or choose another --output
                """
            } else {
                "\(path): the disk is full; make room or choose another --output"
            }
        case .damaged(let path, let reason):
            "\(path): damaged: \(reason)"
        case .unsupportedVersion(let path, let found, let supported):
            "\(path): written in format version \(found), this program reads versions "
                + "\(CheckpointManifest.oldestVersion) to \(supported); use the version of pretrain that wrote it, or start anew "
                + "with --resume never"
        case .mismatch(let path, let reason):
            "\(path): \(reason)"
        case .invalidContents(let reason):
            "cannot store this checkpoint: \(reason)"
        case .noCheckpoint(let path):
            "\(path): no checkpoint here"
                + ((try? FileSystem.exists("\(path)/config.json")) == true
                    ? "; of a Hugging Face folder, which it seems to be, pretrain import makes one" : "")
        case .noGoodCheckpoint(let path, let skipped):
            "\(path): all \(skipped.count) checkpoints are damaged:"
                + skipped.map { "\n  \($0.path): \($0.reason)" }.joined()
        }
    }
}

/// A checkpoint that was passed over because it is damaged.
public struct SkippedCheckpoint: Error, Equatable, Sendable, CustomStringConvertible {
    public var path: String
    public var step: Int
    public var reason: String

    public var description: String { "\(path): \(reason)" }
}
