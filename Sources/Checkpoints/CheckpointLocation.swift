import Files
import Foundation

/// What a path on the command line stands for: one checkpoint, or a folder of them.
public enum CheckpointLocation: Sendable, Equatable {
    case checkpoint(path: String)
    case directory(CheckpointDirectory)

    /// - Parameter path: a checkpoint's directory, a `checkpoints` folder, or a run directory that holds one.
    /// - Throws: `CheckpointError.noCheckpoint` for anything else.
    public init(resolving path: String) throws {
        let directory = CheckpointDirectory(path: HomeFolder.expanded(path))
        let path = directory.path
        let inRun = "\(path)/\(CheckpointDirectory.folderName)"
        if try FileSystem.exists("\(path)/\(CheckpointManifest.fileName)")
            || (FileSystem.isDirectory(path) && CheckpointDirectory.step(ofPath: path) != nil)
        {
            self = .checkpoint(path: path)
        } else if try FileSystem.isDirectory(inRun) {
            self = .directory(CheckpointDirectory(path: inRun))
        } else if try FileSystem.isDirectory(path),
            try path.split(separator: "/").last.map(String.init) == CheckpointDirectory.folderName
                || !directory.entries().isEmpty
        {
            self = .directory(directory)
        } else {
            throw CheckpointError.noCheckpoint(path: path)
        }
    }

    /// Whether a path names a run, its folder of checkpoints, or one of them.
    public static func isOf(run: String, path: String) -> Bool {
        guard let run = realpath(run, nil), let path = realpath(HomeFolder.expanded(path), nil) else { return false }
        defer {
            free(run)
            free(path)
        }
        return "\(String(cString: path))/".hasPrefix("\(String(cString: run))/")
    }

    /// Paths of all checkpoints, oldest first.
    ///
    /// - Throws: `CheckpointError.noCheckpoint` if the folder is empty.
    public func paths() throws -> [String] {
        switch self {
        case .checkpoint(let path): return [path]
        case .directory(let directory):
            let paths = try directory.entries().map(\.path)
            guard !paths.isEmpty else { throw CheckpointError.noCheckpoint(path: directory.path) }
            return paths
        }
    }

    /// The checkpoint itself, or the newest of the folder.
    public func newest() throws -> String {
        guard let path = try paths().last else { throw CheckpointError.noCheckpoint(path: "") }
        return path
    }
}
