import Checkpoints
import Foundation

/// Where a run keeps what belongs to it.
public struct RunDirectory: Sendable, Equatable {
    public let path: String

    public init(path: String) { self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path }

    /// The resolved configuration.
    public var configuration: String { path + "/config.yaml" }
    public var tokenizer: String { path + "/tokenizer.json" }
    public var metrics: String { path + "/metrics.jsonl" }
    public var tensorboard: String { path + "/tensorboard" }
    public var checkpoints: CheckpointDirectory { CheckpointDirectory(path: path + "/checkpoints") }

    /// Creates the directory and takes its lock.
    ///
    /// - Throws: `RunError.cannotCreate`, `RunLockError`.
    public func open() throws -> RunLock {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw RunError.cannotCreate(path: path, reason: error.localizedDescription)
        }
        return try RunLock(runDirectory: path)
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
            for name in ["config.yaml", "tokenizer.json", "metrics.jsonl", "tensorboard", "checkpoints"]
            where manager.fileExists(atPath: "\(path)/\(name)") {
                moved.append(("\(path)/\(name)", "/" + name))
            }
        }
        guard !moved.isEmpty else { return nil }
        var number = 1
        while manager.fileExists(atPath: "\(path)/previous-\(number)") { number += 1 }
        let folder = "\(path)/previous-\(number)"
        do {
            try manager.createDirectory(
                atPath: step == nil ? folder : folder + "/checkpoints", withIntermediateDirectories: true)
            for (from, to) in moved { try manager.moveItem(atPath: from, toPath: folder + to) }
        } catch {
            throw RunError.cannotCreate(path: folder, reason: error.localizedDescription)
        }
        return folder
    }

    /// Writes a file beside its place and renames it there.
    public func write(_ data: Data, to file: String) throws {
        do {
            try data.write(to: URL(fileURLWithPath: file), options: .atomic)
        } catch {
            throw RunError.cannotWrite(path: file, reason: error.localizedDescription)
        }
    }
}
