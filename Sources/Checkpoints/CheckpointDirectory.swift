import Files
import Foundation

/// The folder that holds the checkpoints of one run: `step-00001000/`, `step-00002000/` …
///
/// While a checkpoint is written it is `.tmp-step-…-<pid>`; on the way out it is `.trash-step-…-<pid>`; a damaged or
/// different one of the same step that is about to be replaced is `.replaced-step-…-<pid>` for a moment.
public struct CheckpointDirectory: Sendable, Equatable {
    /// Name of the folder inside a run directory.
    public static let folderName = "checkpoints"

    public let path: String

    public init(path: String) {
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// A published checkpoint, not yet looked into.
    public struct Entry: Sendable, Equatable {
        public var step: Int
        public var path: String
    }

    public func path(ofStep step: Int) -> String { "\(path)/\(Self.name(ofStep: step))" }

    /// Published checkpoints by increasing step; none if the folder does not exist.
    public func entries() throws -> [Entry] {
        guard try FileSystem.exists(path) else { return [] }
        return try FileSystem.names(in: path)
            .compactMap { name in Self.step(ofName: name).map { Entry(step: $0, path: "\(path)/\(name)") } }
            .filter { try FileSystem.isDirectory($0.path) }
            .sorted { $0.step < $1.step }
    }

    /// The checkpoint of the highest step, whether it is sound or not.
    public func latest() throws -> Entry? { try entries().last }

    /// Hands the newest checkpoint to `load`; if it turns out to be damaged, the one before, and so on.
    ///
    /// `load` may have filled part of its memory when it finds the damage; the next call fills all of it again. If
    /// the last one fails too, the memory holds nothing useful.
    ///
    /// - Returns: what `load` returned, the checkpoint it came from, and those that were passed over, newest first.
    /// - Throws: `CheckpointError.noCheckpoint`, `.noGoodCheckpoint`, or what `load` throws other than `.damaged`:
    ///   a checkpoint of another model or of a newer program is a mistake that no older checkpoint can mend.
    public func loadLatestGood<Value>(
        limits: ReadingLimits = ReadingLimits(), _ load: (CheckpointReader) throws -> Value
    ) throws -> (value: Value, entry: Entry, skipped: [SkippedCheckpoint]) {
        let entries = try entries()
        guard !entries.isEmpty else { throw CheckpointError.noCheckpoint(path: path) }
        var skipped: [SkippedCheckpoint] = []
        for entry in entries.reversed() {
            do {
                return (try load(CheckpointReader(path: entry.path, limits: limits)), entry, skipped)
            } catch CheckpointError.damaged(let path, let reason) {
                skipped.append(.init(path: entry.path, step: entry.step, reason: "\(path): \(reason)"))
            }
        }
        throw CheckpointError.noGoodCheckpoint(path: path, skipped: skipped)
    }

    /// Creates the folder if need be, and clears away what interrupted writes of other processes left in it. A
    /// checkpoint that was being replaced when its process died is put back in its place.
    ///
    /// - Parameter exclusive: whether the caller holds the run's lock. Then every leftover is dead; otherwise
    ///   those of living processes stay.
    /// - Returns: names of the leftovers that were cleared away.
    @discardableResult
    public func prepare(exclusive: Bool = false) throws -> [String] {
        if try !FileSystem.isDirectory(path) {
            do {
                try OutputFolder.create(path)
            } catch let failure as FileFailure {
                throw CheckpointError.failed("create the directory", failure.path, code: failure.code)
            }
        }
        var cleared: [String] = []
        for name in try FileSystem.names(in: path).sorted() {
            guard let leftover = Leftover(name: name), exclusive || !leftover.isAlive else { continue }
            let leftoverPath = "\(path)/\(name)"
            let published = self.path(ofStep: leftover.step)
            if leftover.kind == .replaced, try !FileSystem.exists(published) {
                try FileSystem.rename(leftoverPath, to: published, PosixStorageSystem())
            } else {
                try FileSystem.removeTree(leftoverPath)
                cleared.append(name)
            }
        }
        return cleared
    }

    static func name(ofStep step: Int) -> String {
        let digits = String(step)
        return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    /// The step of a directory name, which must be written exactly as `name(ofStep:)` writes it.
    static func step(ofName name: String) -> Int? {
        guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 0, self.name(ofStep: step) == name
        else { return nil }
        return step
    }

    /// The step that a checkpoint's path is named for; nil for any other path.
    public static func step(ofPath path: String) -> Int? {
        path.split(separator: "/").last.flatMap { step(ofName: String($0)) }
    }

    /// A directory that an interrupted write left behind.
    struct Leftover {
        enum Kind: String, CaseIterable {
            case temporary = ".tmp-"
            case trash = ".trash-"
            case replaced = ".replaced-"
        }

        var kind: Kind
        var step: Int
        var process: Int32

        static func name(_ kind: Kind, step: Int) -> String {
            "\(kind.rawValue)\(CheckpointDirectory.name(ofStep: step))-\(getpid())"
        }

        init?(name: String) {
            guard let kind = Kind.allCases.first(where: { name.hasPrefix($0.rawValue) }) else { return nil }
            let rest = name.dropFirst(kind.rawValue.count)
            guard let dash = rest.lastIndex(of: "-"), let process = Int32(rest[rest.index(after: dash)...]),
                let step = CheckpointDirectory.step(ofName: String(rest[..<dash]))
            else { return nil }
            (self.kind, self.step, self.process) = (kind, step, process)
        }

        /// Whether the process that made it still runs. An own leftover is of an earlier process with the same id.
        var isAlive: Bool { process > 0 && process != getpid() && (kill(process, 0) == 0 || errno == EPERM) }
    }
}
