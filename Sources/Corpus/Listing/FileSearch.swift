import Files
import Glibc

/// Finds the files of one source.
struct FileSearch {
    private let source: CorpusSource
    private let index: Int
    private let strict: Bool
    private let skipsDamage: Bool
    private var files: [CorpusFile] = []
    /// Folders already read: each is read once, so that links can neither loop nor multiply files.
    private var folders: Set<FileIdentity> = []
    /// Folders between the source's path and the current one.
    private var ancestors: [FileIdentity] = []
    /// Files whose names say that they are no part of a corpus, by the end of their names.
    private var otherKinds: [String: Int] = [:]
    private(set) var report = CorpusReport()
    /// Why `status` found nothing the last time.
    private var statusError: Int32 = 0

    init(source: CorpusSource, index: Int, configuration: CorpusConfiguration) {
        var source = source
        source.path = HomeFolder.expanded(source.path)
        self.source = source
        self.index = index
        strict = configuration.strict
        skipsDamage = configuration.damagedFiles == .skip
    }

    mutating func run() throws -> [CorpusFile] {
        let path = source.path
        if let status = status(path) {
            try add(path, relative: lastComponent(path), status: status, isNamed: true)
        } else if statusError == ELOOP {
            throw CorpusError.nothingFound(source: index, path: path, reason: systemMessage(ELOOP))
        } else if Glob.isPattern(path) {
            try addMatches(of: path)
        } else {
            throw CorpusError.nothingFound(source: index, path: path, reason: systemMessage(statusError))
        }
        noteOtherKinds()
        guard !files.isEmpty else {
            let endings = "no file with a known ending (.txt, .text, .jsonl, .ndjson, with .gz, .zst or .lz4)"
            let reason = ((report.isEmpty || !otherKinds.isEmpty ? [endings] : []) + report.summary).joined(
                separator: "; ")
            throw CorpusError.noUsableFiles(source: index, path: path, reason: reason)
        }
        // A pattern with ** can reach a file along several ways.
        files.sort { bytewiseLess($0.relativePath, $1.relativePath) }
        var unique: [CorpusFile] = []
        for file in files {
            // Not as strings: names that differ in normalization are different files.
            if let last = unique.last, last.relativePath.utf8.elementsEqual(file.relativePath.utf8) { continue }
            unique.append(file)
        }
        return unique
    }

    private mutating func addMatches(of pattern: String) throws {
        let glob = Glob(pattern)
        let search = glob.matches()
        for (path, code) in search.unreadable { try noteUnusable(.unreadable, path, systemMessage(code)) }
        let matches = search.paths
        if matches.isEmpty {
            throw CorpusError.nothingFound(source: index, path: pattern, reason: "nothing matches the pattern")
        }
        for match in matches {
            guard let status = status(match) else {
                if !search.unreadable.contains(where: { $0.path == match }) { try noteUnreachable(match) }
                continue
            }
            // A pattern that ends in a bare * names no kind of file, and ** finds the content of folders itself.
            if glob.isRecursive && status.st_mode & S_IFMT == S_IFDIR { continue }
            let relative = String(match.dropFirst(glob.root.count))
            try add(match, relative: relative, status: status, isNamed: glob.namesFiles)
        }
    }

    private mutating func add(_ path: String, relative: String, status: stat, isNamed: Bool) throws {
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            // What is below the source's own folder is named from there on.
            try addFolder(path, relative: path == source.path ? "" : relative + "/", status: status)
        case S_IFREG:
            guard isNamed || FileName.isKnown(path, format: source.format) else {
                otherKinds[FileName.ending(path), default: 0] += 1
                return
            }
            try addFile(path, relative: relative, status: status)
        default:
            let kind = "it is neither a regular file nor a folder"
            if isNamed {
                try noteUnusable(.unreadable, path, kind)
            } else {
                try note(CorpusWarning(.notAFile, path: path, "\(kind); passed over"))
            }
        }
    }

    /// Mentions files that a folder holds beside the corpus, which may be what someone meant to train on.
    private mutating func noteOtherKinds() {
        let total = otherKinds.values.reduce(0, +)
        guard total > 0 else { return }
        let kinds = otherKinds.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let listed = kinds.prefix(6).map { "\($0.value) \($0.key)" } + (kinds.count > 6 ? ["…"] : [])
        let hint = otherKinds.keys.contains { $0.hasPrefix(".json") } ? " (format: jsonl reads .json too)" : ""
        report.add(
            CorpusWarning(
                .otherFile, path: source.path,
                "\(total) file\(total == 1 ? "" : "s") of other kinds passed over: \(listed.joined(separator: ", "))\(hint)"
            ),
            count: total)
    }

    private mutating func addFile(_ path: String, relative: String, status: stat) throws {
        if status.st_size == 0 {
            try note(CorpusWarning(.emptyFile, path: path, "the file is empty; passed over"))
            return
        }
        guard SystemPath.withBytes(path, { access($0, R_OK) }) == 0 else {
            try noteUnusable(.unreadable, path, systemMessage())
            return
        }
        files.append(
            CorpusFile(
                path: path, relativePath: relative, size: Int64(status.st_size),
                modificationTime: status.modificationTime,
                isJSONLines: FileName.isJSONLines(path, format: source.format), separator: source.documentSeparator,
                textField: Array(source.textField.utf8)))
    }

    private mutating func addFolder(_ path: String, relative: String, status: stat) throws {
        let identity = FileIdentity(status)
        if ancestors.contains(identity) {
            try note(
                CorpusWarning(.symbolicLinkLoop, path: path, "a symbolic link to a folder it is in; not followed"))
            return
        }
        guard folders.insert(identity).inserted else {
            try note(CorpusWarning(.repeatedFolder, path: path, "the folder was already read; taken once"))
            return
        }
        guard let names = FolderContents.names(path) else {
            try noteUnusable(.unreadable, path, systemMessage())
            return
        }
        ancestors.append(identity)
        defer { ancestors.removeLast() }
        for name in names {
            if name.utf8.first == UInt8(ascii: ".") {
                if FileName.isKnown(name, format: source.format) { otherKinds["hidden", default: 0] += 1 }
                continue
            }
            let child = path.hasSuffix("/") ? path + name : path + "/" + name
            guard let status = self.status(child) else {
                // A link that leads nowhere may have been to anything; its name says whether it matters.
                if FileName.isKnown(name, format: source.format) || statusError != ENOENT { try noteUnreachable(child) }
                continue
            }
            try add(child, relative: relative + name, status: status, isNamed: false)
        }
    }

    private mutating func noteUnreachable(_ path: String) throws {
        if statusError == ELOOP {
            try note(CorpusWarning(.symbolicLinkLoop, path: path, "a symbolic link that leads to itself; passed over"))
        } else {
            try noteUnusable(.unreadable, path, systemMessage(statusError))
        }
    }

    private mutating func noteUnusable(_ kind: CorpusWarning.Kind, _ path: String, _ reason: String) throws {
        guard skipsDamage else { throw CorpusError.unreadable(path: path, reason: reason) }
        report.add(CorpusWarning(kind, path: path, "\(reason); skipped"))
    }

    private mutating func note(_ warning: CorpusWarning) throws {
        if strict { throw CorpusError.rejected(warning) }
        report.add(warning)
    }

    private mutating func status(_ path: String) -> stat? {
        var status = stat()
        if SystemPath.withBytes(path, { stat($0, &status) }) == 0 { return status }
        statusError = errno
        return nil
    }

    private func lastComponent(_ path: String) -> String {
        String(path.split(separator: "/").last ?? Substring(path))
    }
}

/// Order by bytes, which no locale changes.
func bytewiseLess(_ a: String, _ b: String) -> Bool {
    a.utf8.lexicographicallyPrecedes(b.utf8)
}

/// The names in a folder.
enum FolderContents {
    /// Sorted bytewise, without `.` and `..`; nil (and `errno`) if the folder cannot be read.
    static func names(_ path: String) -> [String]? {
        guard let folder = SystemPath.withBytes(path, opendir) else { return nil }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else { break }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(entry.pointee.d_reclen)) {
                    SystemPath.string(UnsafeRawBufferPointer(start: $0, count: strlen($0)))
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        // The end of the folder, or an error that must not be taken for it.
        let code = errno
        closedir(folder)
        errno = code
        if code != 0 { return nil }
        return names.sorted(by: bytewiseLess)
    }
}
