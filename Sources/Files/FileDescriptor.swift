import Foundation

/// An open file with few calls, each retried when a signal interrupts it.
package final class FileDescriptor: Sendable {
    package let path: String
    private let number: Int32

    private init(_ number: Int32, _ path: String) {
        self.number = number
        self.path = path
    }

    deinit { close(number) }

    package static func openForReading(_ path: String) throws -> FileDescriptor {
        // Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
        try FileDescriptor(check("open", path) { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }, path)
    }

    /// Creates a new file; fails if there is one of that name.
    package static func create(_ path: String) throws -> FileDescriptor {
        try FileDescriptor(check("create", path) { open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644) }, path)
    }

    /// Creates a file beside a destination that is to become it (`PartialName`), which nobody takes for abandoned as long as
    /// it is open.
    package static func createPartial(besides destination: String) throws -> FileDescriptor {
        PartialName.clear(besides: destination)
        while true {
            let file = try create(PartialName.make(besides: destination))
            if PartialName.hold(file.number, file.path) { return file }
        }
    }

    /// Opens what is there for writing: a pipe or a device, or a file whose content is forgotten.
    package static func openForWriting(_ path: String) throws -> FileDescriptor {
        try FileDescriptor(check("open", path) { open(path, O_WRONLY | O_TRUNC | O_CLOEXEC) }, path)
    }

    /// Size in bytes of a regular file.
    ///
    /// - Throws: `FileFailure` with `EISDIR` or `EINVAL` if it is a folder or some other thing that has no size.
    package func regularFileSize() throws -> Int {
        var status = stat()
        _ = try check("inspect", path) { fstat(number, &status) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return Int(status.st_size)
        case S_IFDIR: throw FileFailure("read", path, code: EISDIR)
        default: throw FileFailure("read", path, code: EINVAL)
        }
    }

    /// Reads up to `buffer.count` bytes from `offset`; fewer only at the end of the file.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
        guard var position = buffer.baseAddress else { return 0 }
        var done = 0
        while done < buffer.count {
            let count = try check("read", path) { pread(number, position, buffer.count - done, off_t(offset + done)) }
            if count == 0 { break }
            done += count
            position += count
        }
        return done
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard var position = bytes.baseAddress else { return }
        var left = bytes.count
        while left > 0 {
            let count = try check("write", path) { Foundation.write(number, position, left) }
            left -= count
            position += count
        }
    }

    /// Waits until everything written has reached the disk.
    package func synchronize() throws(FileFailure) { _ = try check("flush", path) { fsync(number) } }

    /// Makes the entries of a folder (a rename, a new file) last through a power failure.
    package static func synchronizeFolder(_ path: String) throws {
        let folder = try FileDescriptor(
            check("open", path) { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }, path)
        do { try folder.synchronize() } catch {
            // Some network file systems cannot sync a folder.
            guard error.code == EINVAL || error.code == ENOTSUP else { throw error }
        }
    }

    /// Whole contents of a regular file of at most `limit` bytes.
    package static func contents(of path: String, limit: Int) throws -> Data {
        let file = try openForReading(path)
        let size = try file.regularFileSize()
        guard size <= limit else { throw FileFailure("read", path, code: EFBIG) }
        var data = Data(count: size)
        let count = try data.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        return data.prefix(count)
    }

    /// Writes a new file and waits until it is on the disk.
    package static func write(_ contents: some ContiguousBytes, to path: String) throws {
        let file = try create(path)
        try contents.withUnsafeBytes { try file.write($0) }
        try file.synchronize()
    }
}

/// Runs a call that returns a negative number on failure, again after `EINTR`.
package func check<Result: SignedInteger>(
    _ operation: String, _ path: String, _ call: () -> Result
) throws(FileFailure) -> Result {
    let result = retried(call)
    guard result >= 0 else { throw FileFailure(operation, path, code: errno) }
    return result
}
