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

    /// Paths that match, each once, sorted bytewise; hidden names match only a pattern that names their dot.
    func matches() -> [String] {
        // Strings that differ in normalization are equal, and name different files.
        var found: Set<[UInt8]> = []
        var trail: [ino_t] = []
        expand(root, parts[...], &found, &trail)
        return found.map { String(decoding: $0, as: UTF8.self) }.sorted(by: bytewiseLess)
    }

    private func expand(
        _ folder: String, _ parts: ArraySlice<String>, _ found: inout Set<[UInt8]>, _ trail: inout [ino_t]
    ) {
        guard let part = parts.first else { return }
        let rest = parts.dropFirst()
        let isLast = rest.isEmpty
        let folderPath = folder.isEmpty ? "." : folder
        if part != "**" && !Self.isPattern(part) {
            let path = folder + part
            if isLast {
                if SystemPath.withBytes(path, { access($0, F_OK) }) == 0 { found.insert(Array(path.utf8)) }
            } else {
                expand(path + "/", rest, &found, &trail)
            }
            return
        }
        guard let names = FolderContents.names(folderPath) else { return }
        if part == "**" {
            // The same folder twice on the way down is a loop of symbolic links.
            var status = stat()
            guard SystemPath.withBytes(folderPath, { stat($0, &status) }) == 0, !trail.contains(status.st_ino) else {
                return
            }
            trail.append(status.st_ino)
            defer { trail.removeLast() }
            expand(folder, isLast ? ["*"] : rest, &found, &trail)
            for name in names where !name.hasPrefix(".") && isFolder(folder + name) {
                expand(folder + name + "/", parts, &found, &trail)
            }
            return
        }
        for name in names where Self.matches(name, part) {
            let path = folder + name
            if isLast {
                found.insert(Array(path.utf8))
            } else if isFolder(path) {
                expand(path + "/", rest, &found, &trail)
            }
        }
    }

    private static func matches(_ name: String, _ pattern: String) -> Bool {
        SystemPath.withBytes(pattern) { pattern in
            SystemPath.withBytes(name) { fnmatch(pattern, $0, FNM_PERIOD | FNM_NOESCAPE) == 0 }
        }
    }

    private func isFolder(_ path: String) -> Bool {
        var status = stat()
        return SystemPath.withBytes(path) { stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
