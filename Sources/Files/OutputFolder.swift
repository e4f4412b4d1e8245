import Foundation

/// Folders that commands write into.
public enum OutputFolder {
    /// Finds out before the work whether a folder is there, or can be made, and takes new files.
    ///
    /// - Throws: `FileFailure`.
    public static func check(_ path: String) throws {
        guard !path.isEmpty else {
            throw FileFailure("create the folder", "\"\"", code: ENOENT, advice: "the name is empty")
        }
        var ancestor = path
        while true {
            var status = stat()
            if stat(ancestor, &status) == 0 {
                guard status.st_mode & S_IFMT == S_IFDIR else {
                    throw FileFailure("create the folder", path, code: ENOTDIR, advice: "\(ancestor) is not a folder")
                }
                _ = try Files.check("write into the folder", ancestor) { access(ancestor, W_OK | X_OK) }
                return
            }
            let code = errno
            let parent = PathParts.folder(of: ancestor)
            guard code == ENOENT || code == ENOTDIR, ancestor != "." else {
                throw FileFailure("create the folder", path, code: code)
            }
            ancestor = parent.isEmpty ? "." : parent
        }
    }

    /// Makes a folder and those it is in, as far as they are missing, so that they last through a power failure.
    ///
    /// - Throws: `FileFailure` that names the folder which could not be made.
    public static func create(_ path: String) throws {
        try check(path)
        var missing: [String] = []
        var folder = path
        while !isFolder(folder), !folder.isEmpty, folder != "/" {
            missing.append(folder)
            folder = PathParts.folder(of: folder)
        }
        for folder in missing.reversed() {
            if mkdir(folder, 0o777) != 0 {
                let code = errno
                // Somebody else may have been faster.
                guard code == EEXIST, isFolder(folder) else {
                    throw FileFailure("create the folder", folder, code: code)
                }
            }
            let parent = PathParts.folder(of: folder)
            try FileDescriptor.synchronizeFolder(parent.isEmpty ? "." : parent)
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
