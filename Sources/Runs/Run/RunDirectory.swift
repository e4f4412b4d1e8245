import Checkpoints
import Files
import Foundation

/// Where a run keeps what belongs to it.
public struct RunDirectory: Sendable, Equatable {
    public let path: String

    public init(path: String) {
        let path = HomeFolder.expanded(path)
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// The resolved configuration.
    public var configuration: String { path + "/config.yaml" }
    public var tokenizer: String { path + "/tokenizer.json" }
    public var metrics: String { path + "/metrics.jsonl" }
    /// What is told of evaluations beside figures: text.
    public var samples: String { path + "/samples.jsonl" }
    public var journal: String { path + "/journal.jsonl" }
    public var tensorboard: String { path + "/tensorboard" }
    public var checkpoints: CheckpointDirectory { CheckpointDirectory(path: path + "/checkpoints") }

    /// Creates the directory and takes its lock.
    ///
    /// - Throws: `FileFailure`, `RunLockError`.
    public func open() throws -> RunLock {
        var attempts = 0
        while true {
            try OutputFolder.create(path)
            do {
                return try RunLock(runDirectory: path)
            } catch RunLockError.system(_, ENOENT) where attempts < 100 {
                // A run that failed before its first step has taken the directory away again.
                attempts += 1
            }
        }
    }

    /// Moves checkpoints behind a step, or with nil everything of an earlier run, into `previous-1`, `previous-2` …, so
    /// that starting again destroys nothing.
    ///
    /// - Returns: the folder that was made, or nil if there was nothing to move.
    public func setAside(checkpointsAfter step: Int?) throws -> String? {
        let manager = FileManager.default
        var moved: [(from: String, to: String)] = []
        if let step {
            for entry in try checkpoints.entries() where entry.step > step {
                moved.append((entry.path, "/checkpoints/" + (entry.path as NSString).lastPathComponent))
            }
        } else {
            for name in [
                "config.yaml", "tokenizer.json", "metrics.jsonl", "samples.jsonl", "journal.jsonl", "tensorboard",
                "metrics.csv", "evaluations.csv", "checkpoints", "best", "result.json",
            ]
            where holdsSomething("\(path)/\(name)") {
                moved.append(("\(path)/\(name)", "/" + name))
            }
        }
        guard !moved.isEmpty else { return nil }
        var number = 1
        while manager.fileExists(atPath: "\(path)/previous-\(number)") { number += 1 }
        let folder = "\(path)/previous-\(number)"
        try OutputFolder.create(step == nil ? folder : folder + "/checkpoints")
        for (from, to) in moved {
            _ = try check("rename \(from) to", folder + to) { rename(from, folder + to) }
        }
        // Where they are now first: a power cut must not leave them in neither place.
        try FileDescriptor.synchronizeFolder(step == nil ? folder : folder + "/checkpoints")
        try FileDescriptor.synchronizeFolder(step == nil ? path : checkpoints.path)
        return folder
    }

    /// Removes the directory if a start that failed has left nothing in it that anybody could want.
    public func discardIfUnused() {
        rmdir(path + "/checkpoints")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        guard names.allSatisfy({ $0 == RunLock.fileName }) else { return }
        unlink("\(path)/\(RunLock.fileName)")
        rmdir(path)
    }

    /// Whether there is a file, or a folder that is not empty.
    private func holdsSomething(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return false }
        return !isFolder.boolValue || !((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [""]).isEmpty
    }

    /// Writes a file beside its place and renames it there.
    public func write(_ data: Data, to file: String) throws {
        try OutputFile(checking: file).write(data)
    }
}
