import Files
import Foundation

/// A record of the run could not be kept. Training can go on without it.
public enum MetricsError: Error, Equatable, Sendable, CustomStringConvertible {
    case cannotOpen(path: String, reason: String)
    case cannotWrite(path: String, reason: String)

    public var description: String {
        switch self {
        case .cannotOpen(let path, let reason):
            "cannot open \(path): \(reason); check the run directory's rights and free space"
        case .cannotWrite(let path, let reason):
            "cannot write \(path): \(reason); records are lost until this is mended, training goes on"
        }
    }

    static var reason: String { String(cString: strerror(errno)) }
}

/// A file that grows by whole records, each written by one call, so that a crash tears at most the last one.
final class AppendOnlyFile {
    let path: String
    private let descriptor: Int32
    private var isFailing = false
    private var isSynchronized = true
    /// Records that could not be written.
    private(set) var lostRecords = 0

    /// - Parameter flags: For `open`, beside those for appending.
    init(path: String, flags: Int32 = 0) throws {
        self.path = path
        descriptor = retried { open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | flags, 0o666) }
        guard descriptor >= 0 else { throw MetricsError.cannotOpen(path: path, reason: MetricsError.reason) }
    }

    deinit {
        close(descriptor)
    }

    /// Appends one record.
    ///
    /// - Throws: `MetricsError.cannotWrite` for the first record that is lost; the following ones are lost silently
    ///   until one succeeds, so that a full disk is reported once and not at every step.
    func append(_ record: [UInt8]) throws {
        let size = lseek(descriptor, 0, SEEK_END)
        isSynchronized = false
        let written = record.withUnsafeBytes { bytes in retried { write(descriptor, bytes.baseAddress, bytes.count) } }
        guard written != record.count else {
            isFailing = false
            return
        }
        // A short write means that the disk filled up in the middle.
        let reason = written < 0 ? MetricsError.reason : String(cString: strerror(ENOSPC))
        if written > 0, size >= 0 { _ = ftruncate(descriptor, size) }
        lostRecords += 1
        guard !isFailing else { return }
        isFailing = true
        throw MetricsError.cannotWrite(path: path, reason: reason)
    }

    /// Waits until everything appended has reached the disk: records that come before a checkpoint must not be lost by a power
    /// failure that the checkpoint has survived.
    func synchronize() throws {
        guard !isSynchronized else { return }
        guard retried({ fsync(descriptor) }) == 0 else {
            throw MetricsError.cannotWrite(path: path, reason: MetricsError.reason)
        }
        isSynchronized = true
    }

    var size: Int { max(0, Int(lseek(descriptor, 0, SEEK_END))) }

    func truncate(to size: Int) throws {
        isSynchronized = false
        guard retried({ ftruncate(descriptor, off_t(size)) }) == 0 else {
            throw MetricsError.cannotWrite(path: path, reason: MetricsError.reason)
        }
    }

    func bytes(_ range: Range<Int>) throws -> [UInt8] {
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            while count < range.count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])
                let got = pread(descriptor, rest.baseAddress, rest.count, off_t(range.lowerBound + count))
                if got < 0 && errno == EINTR { continue }
                guard got > 0 else {
                    failed = got < 0
                    return
                }
                count += got
            }
        }
        guard !failed else { throw MetricsError.cannotOpen(path: path, reason: MetricsError.reason) }
        return bytes
    }
}
