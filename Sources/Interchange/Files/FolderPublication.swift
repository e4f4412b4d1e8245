import Files
import Foundation

/// Writes a folder so that it appears complete or not at all.
///
/// Everything is first written to a hidden folder beside the destination, which a rename then publishes.
enum FolderPublication {
    /// - Parameters:
    ///   - path: The destination; its parent must exist.
    ///   - entries: The only names that a folder may contain for `replacing` to remove it.
    ///   - replacing: Whether a non-empty folder may be replaced.
    ///   - fill: Gets the hidden folder's path and writes its contents, each file flushed to the disk.
    static func write(
        to path: String, entries: Set<String>, replacing: Bool, _ fill: (String) throws -> Void
    ) throws {
        let destination = try resolve(HomeFolder.expanded(path))
        putInOrder(destination)
        let present = try contents(of: destination)
        if !present.isEmpty {
            guard replacing else { throw ExportError.folderNotEmpty(path) }
            let foreign = try foreign(in: destination, entries)
            guard foreign.isEmpty else { throw ExportError.folderHoldsOtherFiles(path, foreign) }
        }

        let parent = PathParts.folder(of: destination)
        let (partial, lock) = try create(besides: destination)
        defer { close(lock) }
        do {
            try fill(partial)
            try FileDescriptor.synchronizeFolder(partial)
            if present.isEmpty {
                // rename(2) replaces an empty folder, and fails if somebody has filled it in the meantime.
                _ = try check("rename to", destination) { rename(partial, destination) }
            } else {
                let replaced = PartialName.make(.replaced, besides: destination)
                let old = try check("open", destination) { open(destination, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
                defer { close(old) }
                _ = PartialName.hold(old, destination)
                _ = try check("rename", destination) { rename(destination, replaced) }
                do {
                    _ = try check("rename to", destination) { rename(partial, destination) }
                } catch {
                    _ = rename(replaced, destination)
                    throw error
                }
                // Otherwise a power cut may take the old one and leave the new one under its hidden name.
                try FileDescriptor.synchronizeFolder(parent)
                try? FileManager.default.removeItem(atPath: replaced)
            }
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
        try FileDescriptor.synchronizeFolder(parent)
    }

    /// Puts back what was about to be replaced by a writer that was killed, and clears away what it had not completed.
    private static func putInOrder(_ destination: String) {
        PartialName.clear(besides: destination)
        PartialName.clear(.replaced, besides: destination) { replaced in
            // Succeeds where nothing, or an empty folder, is in its place.
            if rename(replaced, destination) != 0 { try? FileManager.default.removeItem(atPath: replaced) }
        }
    }

    /// Makes the hidden folder.
    ///
    /// - Returns: its path, and its descriptor, which keeps others from taking it for abandoned.
    private static func create(besides destination: String) throws -> (path: String, lock: Int32) {
        while true {
            let path = PartialName.make(besides: destination)
            _ = try check("create", path) { mkdir(path, 0o755) }
            let lock = try check("open", path) { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
            if PartialName.hold(lock, path) { return (path, lock) }
            close(lock)
        }
    }

    /// The absolute path, through symbolic links where it exists.
    private static func resolve(_ path: String) throws -> String {
        if let real = realpath(path, nil) {
            defer { free(real) }
            return String(cString: real)
        }
        let code = errno
        guard code == ENOENT, !path.isEmpty else { throw FileFailure("open", path, code: code) }
        let parent = PathParts.folder(of: path)
        guard let real = realpath(parent.isEmpty ? "." : parent, nil) else {
            throw FileFailure("open", parent, code: errno)
        }
        defer { free(real) }
        return (String(cString: real) as NSString).appendingPathComponent((path as NSString).lastPathComponent)
    }

    /// What no export has written: beside its entries, or in those of them that are folders.
    private static func foreign(in folder: String, _ entries: Set<String>) throws -> [String] {
        let present = try contents(of: folder)
        var foreign = present.subtracting(entries)
        for name in present.intersection(entries) {
            let path = (folder as NSString).appendingPathComponent(name)
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { continue }
            foreign.formUnion(try contents(of: path).subtracting(ModelFolder.entries).map { "\(name)/\($0)" })
        }
        return foreign.sorted()
    }

    private static func contents(of path: String) throws -> Set<String> {
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw FileFailure("write to", path, code: ENOTDIR) }
        return Set(try FileManager.default.contentsOfDirectory(atPath: path))
    }
}
