import Glibc

/// A path with wildcards: `*`, `?` and `[abc]` within a name, `**` for any number of folders.
struct Glob {
    /// The part of the pattern before the first name with a wildcard, with its last slash.
    let root: String
    private let parts: [String]

    /// Whether the pattern says more about the files than that they exist.
    var namesFiles: Bool { parts.last != "*" && parts.last != "**" }
    /// Whether folders of any depth are searched.
    var isRecursive: Bool { parts.contains("**") }

    static func isPattern(_ path: String) -> Bool {
        path.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") }
    }

    init(_ pattern: String) {
        let names = pattern.split(separator: "/").map(String.init)
        let fixed = names.prefix { !Self.isPattern($0) }
        let prefix = (pattern.hasPrefix("/") ? "/" : "") + fixed.joined(separator: "/")
        root = prefix.isEmpty || prefix == "/" ? prefix : prefix + "/"
        parts = Array(names.dropFirst(fixed.count))
    }

    /// What a search has come to.
    struct Matches {
        /// Paths, each once, sorted bytewise.
        var paths: [String] = []
        /// Folders that could not be searched, and why: numbers of system errors.
        var unreadable: [(path: String, code: Int32)] = []
    }

    private struct Walk {
        // Strings that differ in normalization are equal, and name different files.
        var found: Set<[UInt8]> = []
        var trail: [FileIdentity] = []
        var unreadable: [(path: String, code: Int32)] = []
    }

    /// Paths that match; hidden names match only a pattern that names their dot.
    func matches() -> Matches {
        var walk = Walk()
        expand(root, parts[...], &walk)
        return Matches(
            paths: walk.found.map { String(decoding: $0, as: UTF8.self) }.sorted(by: bytewiseLess),
            unreadable: walk.unreadable)
    }

    private func expand(_ folder: String, _ parts: ArraySlice<String>, _ walk: inout Walk) {
        guard let part = parts.first else { return }
        let rest = parts.dropFirst()
        let isLast = rest.isEmpty
        let folderPath = folder.isEmpty ? "." : folder
        if part != "**" && !Self.isPattern(part) {
            let path = folder + part
            if isLast {
                if SystemPath.withBytes(path, { access($0, F_OK) }) == 0 { walk.found.insert(Array(path.utf8)) }
            } else {
                expand(path + "/", rest, &walk)
            }
            return
        }
        guard let names = FolderContents.names(folderPath) else { return note(folderPath, &walk) }
        if part == "**" {
            // The same folder twice on the way down is a loop of symbolic links.
            var status = stat()
            guard SystemPath.withBytes(folderPath, { stat($0, &status) }) == 0 else { return note(folderPath, &walk) }
            guard !walk.trail.contains(FileIdentity(status)) else { return }
            walk.trail.append(FileIdentity(status))
            defer { walk.trail.removeLast() }
            expand(folder, isLast ? ["*"] : rest, &walk)
            for name in names where !name.hasPrefix(".") && isFolder(folder + name, &walk) {
                expand(folder + name + "/", parts, &walk)
            }
            return
        }
        for name in names where Self.matches(name, part) {
            let path = folder + name
            if isLast {
                walk.found.insert(Array(path.utf8))
            } else if isFolder(path, &walk) {
                expand(path + "/", rest, &walk)
            }
        }
    }

    /// Notes what the last system call failed with; what is not there, or is no folder, is nothing to search.
    private func note(_ path: String, _ walk: inout Walk) {
        let code = errno
        if code == ENOENT || code == ENOTDIR || code == ELOOP { return }
        if walk.unreadable.contains(where: { $0.path.utf8.elementsEqual(path.utf8) }) { return }
        walk.unreadable.append((path, code))
    }

    private static func matches(_ name: String, _ pattern: String) -> Bool {
        SystemPath.withBytes(pattern) { pattern in
            SystemPath.withBytes(name) { fnmatch(pattern, $0, FNM_PERIOD | FNM_NOESCAPE) == 0 }
        }
    }

    private func isFolder(_ path: String, _ walk: inout Walk) -> Bool {
        var status = stat()
        guard SystemPath.withBytes(path, { stat($0, &status) }) == 0 else {
            note(path, &walk)
            return false
        }
        return status.st_mode & S_IFMT == S_IFDIR
    }
}

/// What tells a file or folder from all others of the machine.
struct FileIdentity: Hashable {
    private var device: UInt64
    private var inode: UInt64

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}
