import Foundation

/// Where a command writes its result: the one way to write an output.
///
/// Made before the work, so that an impossible destination is told at once. A regular file appears complete or not at all,
/// behind symbolic links; a pipe or a device is written into and stays what it is.
public struct OutputFile: Sendable, Equatable {
    private enum Kind: Sendable {
        /// A file that is there or will be, by a temporary one beside it.
        case regular
        /// Something that a rename would replace by a file.
        case special
    }

    /// As it was given.
    public let path: String
    /// Through symbolic links.
    private let destination: String
    private let kind: Kind

    /// Finds out whether the destination can be written.
    ///
    /// - Throws: `FileFailure`.
    public init(checking given: String) throws {
        path = given
        let path = HomeFolder.expanded(given)
        guard !path.isEmpty else { throw FileFailure("write to", "\"\"", code: ENOENT, advice: "the name is empty") }
        var status = stat()
        if stat(path, &status) == 0 {
            switch status.st_mode & S_IFMT {
            case S_IFDIR: throw FileFailure("write to", path, code: EISDIR)
            case S_IFREG:
                kind = .regular
                destination = try Self.real(path)
            default:
                kind = .special
                destination = path
            }
            _ = try check("write to", path) { access(path, W_OK) }
        } else {
            let code = errno
            // A name that is not there yet, or a link to one.
            guard code == ENOENT, path.last != "/" else {
                throw FileFailure("write to", path, code: path.last == "/" ? EISDIR : code)
            }
            kind = .regular
            destination = try Self.target(of: path)
        }
        if kind == .regular {
            let folder = Self.folder(of: destination)
            _ = try check("write into the folder", folder) { access(folder, W_OK | X_OK) }
        }
    }

    /// - Throws: `FileFailure`; a file of that name then is as it was.
    public func write(_ contents: some ContiguousBytes) throws {
        try writeInParts { put in try contents.withUnsafeBytes { try put($0) } }
    }

    /// Writes what comes part by part, so that it is not all in memory.
    ///
    /// - Throws: `FileFailure`, and what `body` throws; a file of that name then is as it was.
    public func writeInParts(_ body: (_ put: (UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws {
        guard kind == .regular else {
            let file = try FileDescriptor.openForWriting(destination)
            return try body { try file.write($0) }
        }
        let partial = try FileDescriptor.createPartial(besides: destination)
        do {
            try body { try partial.write($0) }
            try partial.synchronize()
            // An existing file keeps who may read it.
            var status = stat()
            if stat(destination, &status) == 0 { chmod(partial.path, status.st_mode & 0o7777) }
            _ = try check("rename to", destination) { rename(partial.path, destination) }
        } catch {
            unlink(partial.path)
            throw error
        }
        try FileDescriptor.synchronizeFolder(Self.folder(of: destination))
    }

    public func write(_ text: String) throws { try write(Data(text.utf8)) }

    /// The name that a chain of links leads to; what is not a link is its own target.
    private static func target(of path: String) throws -> String {
        var current = path
        for _ in 0..<40 {
            let folder = try real(folder(of: current))
            let place = (folder as NSString).appendingPathComponent((current as NSString).lastPathComponent)
            guard let link = try? FileManager.default.destinationOfSymbolicLink(atPath: place) else { return place }
            current = link.hasPrefix("/") ? link : (folder as NSString).appendingPathComponent(link)
        }
        throw FileFailure("write to", path, code: ELOOP)
    }

    private static func real(_ path: String) throws -> String {
        guard let real = realpath(path, nil) else { throw FileFailure("write into the folder", path, code: errno) }
        defer { free(real) }
        return String(cString: real)
    }

    private static func folder(of path: String) -> String {
        let folder = PathParts.folder(of: path)
        return folder.isEmpty ? "." : folder
    }
}
