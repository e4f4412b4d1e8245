import Files
import Foundation

/// A file that is being written: retries interrupted and short writes, and names the path in every error.
final class CheckpointFile: @unchecked Sendable {
    let path: String
    private var descriptor: Int32
    private let system: any StorageSystem
    /// Whether the system writes from our memory, which it does as long as addresses and sizes are `FrameCodec.alignment`'s.
    private var isDirect = false

    /// Creates a file that must not exist yet.
    ///
    /// - Parameter direct: whether to bypass the page cache where the file system can. The copy into it and giving its pages
    ///   back are most of the system's work, and a checkpoint is hardly ever read again.
    init(creating path: String, system: any StorageSystem, direct: Bool = false) throws {
        self.path = path
        self.system = system
        descriptor = retried { open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644) }
        guard descriptor >= 0 else { throw CheckpointError.failed("create", path) }
        isDirect = direct && setDirect(true)
    }

    /// Not at opening the file, which may create it and fail all the same.
    private func setDirect(_ direct: Bool) -> Bool {
        guard let flag = PosixStorageSystem.directFlag else { return false }
        let flags = fcntl(descriptor, F_GETFL)
        return flags >= 0 && fcntl(descriptor, F_SETFL, direct ? flags | flag : flags & ~flag) == 0
    }

    deinit { if descriptor >= 0 { Foundation.close(descriptor) } }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            if isDirect, !isAligned(rest) { leaveDirect() }
            let written = system.write(descriptor, UnsafeRawBufferPointer(rebasing: rest))
            if written < 0, errno == EINVAL, isDirect {
                // A device with larger sectors, or a file system that finds out only now.
                leaveDirect()
            } else if written > 0 {
                rest = rest.dropFirst(written)
            } else if written == 0 {
                errno = ENOSPC
                throw CheckpointError.failed("write", path)
            } else if errno != EINTR {
                throw CheckpointError.failed("write", path)
            }
        }
    }

    private func isAligned(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        let address = UInt(bitPattern: bytes.base.baseAddress) &+ UInt(bytes.startIndex)
        return address % UInt(FrameCodec.alignment) == 0 && bytes.count % FrameCodec.alignment == 0
    }

    /// The rest of the file goes the usual way, which knows no alignment.
    private func leaveDirect() {
        isDirect = false
        _ = setDirect(false)
    }

    /// Waits until the content is on the disk, and closes the file.
    func syncAndClose() throws {
        while system.fsync(descriptor) != 0 {
            guard errno == EINTR else { throw CheckpointError.failed("sync", path) }
        }
        let closed = Foundation.close(descriptor)
        descriptor = -1
        // Some file systems report a failed write only here.
        guard closed == 0 || errno == EINTR else { throw CheckpointError.failed("close", path) }
    }
}

extension CheckpointError {
    /// The error for a system call that has just failed, from `errno`.
    static func failed(_ operation: String, _ path: String, code: Int32 = errno) -> CheckpointError {
        switch code {
        case ENOSPC, EDQUOT: .diskFull(path: path, neededBytes: nil, freeBytes: nil)
        default: .system(operation: operation, path: path, code: code)
        }
    }
}

enum FileSystem {
    static func createDirectory(_ path: String) throws {
        guard mkdir(path, 0o755) == 0 else { throw CheckpointError.failed("create the directory", path) }
    }

    static func syncDirectory(_ path: String, _ system: any StorageSystem) throws {
        let descriptor = retried { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw CheckpointError.failed("open", path) }
        defer { close(descriptor) }
        while system.fsync(descriptor) != 0 {
            if errno == EINTR { continue }
            // Some network file systems cannot sync a directory.
            if errno == EINVAL || errno == ENOTSUP { return }
            throw CheckpointError.failed("sync the directory", path)
        }
    }

    static func rename(_ old: String, to new: String, _ system: any StorageSystem) throws {
        guard system.rename(old, new) == 0 else { throw CheckpointError.failed("rename \(old) to", new) }
    }

    /// - Throws: `CheckpointError` where the system cannot tell: what is there must not count as absent.
    static func exists(_ path: String) throws -> Bool {
        var status = stat()
        guard retried({ lstat(path, &status) }) != 0 else { return true }
        guard errno == ENOENT || errno == ENOTDIR else { throw CheckpointError.failed("look for", path) }
        return false
    }

    /// - Throws: `CheckpointError` where the system cannot tell.
    static func isDirectory(_ path: String) throws -> Bool {
        var status = stat()
        guard retried({ stat(path, &status) }) != 0 else { return status.st_mode & S_IFMT == S_IFDIR }
        guard errno == ENOENT || errno == ENOTDIR || errno == ELOOP else {
            throw CheckpointError.failed("look for", path)
        }
        return false
    }

    /// Names in a directory, in no particular order.
    static func names(in path: String) throws -> [String] {
        guard let directory = opendir(path) else { throw CheckpointError.failed("list", path) }
        defer { closedir(directory) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw CheckpointError.failed("list", path) }
        return names
    }

    /// Removes a directory with everything in it, without following links.
    static func removeTree(_ path: String) throws {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            guard try exists(path) else { return }
            let code = ((error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError).map { Int32(clamping: $0.code) }
            throw CheckpointError.system(operation: "remove", path: path, code: code ?? EACCES)
        }
    }
}
