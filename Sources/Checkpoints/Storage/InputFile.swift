import Files
import Formatting
import Foundation

/// A regular file inside a checkpoint, opened without following a symbolic link.
final class InputFile: Sendable {
    let path: String
    let byteCount: Int
    private let descriptor: Int32

    init(opening path: String) throws {
        self.path = path
        // Non-blocking, or a named pipe put in place of the file would hang the program.
        let descriptor = retried { open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) }
        guard descriptor >= 0 else {
            switch errno {
            case ENOENT, ENOTDIR: throw CheckpointError.damaged(path: path, reason: "the file is missing")
            case EIO: throw CheckpointError.damaged(path: path, reason: "the disk cannot read it")
            case ELOOP: throw CheckpointError.damaged(path: path, reason: "a symbolic link instead of a file")
            default: throw CheckpointError.failed("open", path)
            }
        }
        var status = stat()
        let isKnown = fstat(descriptor, &status) == 0
        guard isKnown, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw CheckpointError.damaged(
                path: path, reason: isKnown ? "not a regular file" : "the disk cannot read it")
        }
        self.descriptor = descriptor
        byteCount = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Fills `destination` from the file, starting at `offset`.
    func read(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws {
        var done = 0
        while done < destination.count {
            let count = pread(
                descriptor, destination.baseAddress! + done, destination.count - done, off_t(offset + done))
            if count > 0 {
                done += count
            } else if count == 0 {
                throw CheckpointError.damaged(path: path, reason: "the file ends too early")
            } else if errno == EIO {
                throw CheckpointError.damaged(path: path, reason: "the disk cannot read it")
            } else if errno != EINTR {
                throw CheckpointError.failed("read", path)
            }
        }
    }

    /// The whole file, if it is not larger than `limit`.
    func contents(limit: Int) throws -> [UInt8] {
        guard byteCount <= limit else {
            throw CheckpointError.damaged(
                path: path, reason: "\(ByteFormat.text(byteCount)), more than the \(ByteFormat.text(limit)) expected")
        }
        var bytes = [UInt8](repeating: 0, count: byteCount)
        try bytes.withUnsafeMutableBytes { try read(at: 0, into: $0) }
        return bytes
    }
}
