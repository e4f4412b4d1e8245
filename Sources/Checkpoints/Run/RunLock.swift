import Files
import Foundation

/// Keeps two runs out of one directory.
///
/// The lock is the kernel's (`flock` on `run.lock`), so it ends with its process however that dies; the file itself
/// stays and says nothing. What is written in it only serves the message for the second taker. On a network file
/// system the lock holds across machines where `flock` does, which is so on NFS since Linux 2.6.12.
public final class RunLock: @unchecked Sendable {
    public static let fileName = "run.lock"

    /// Who holds, or last held, the lock.
    public struct Holder: Codable, Equatable, Sendable {
        public var pid: Int32
        public var host: String
        /// ISO 8601, UTC.
        public var started: String
    }

    public let path: String
    private let descriptor: Int32

    /// Takes the lock of a run directory, which must exist.
    ///
    /// - Throws: `RunLockError.held` if another process, or another lock of this one, holds it.
    public init(runDirectory: String) throws {
        path = "\(runDirectory)/\(Self.fileName)"
        descriptor = try Self.acquire(path, runDirectory)
        let holder = Holder(
            pid: getpid(), host: Self.hostName, started: Date().formatted(.iso8601))
        guard ftruncate(descriptor, 0) == 0, let text = try? JSONEncoder().encode(holder) else { return }
        // Without the name of the holder the lock is as good as with it, so a full disk does not matter here.
        _ = text.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    deinit { close(descriptor) }

    /// Whether a process of this machine holds the lock of a run directory, as far as the kernel tells (`/proc/locks`, where it tells
    /// nothing of other containers). It is only looked at: whoever took it for a moment could keep a beginning run out.
    public static func isSeenHeld(runDirectory: String) -> Bool {
        var status = stat()
        guard stat("\(runDirectory)/\(fileName)", &status) == 0,
            let locks = FileManager.default.contents(atPath: "/proc/locks")
        else { return false }
        let device = UInt64(status.st_dev)
        let major = (device >> 8 & 0xFFF) | (device >> 32 & 0xFFFF_F000)
        let minor = (device & 0xFF) | (device >> 12 & 0xFFFF_FF00)
        let file = String(format: "%02llx:%02llx:", major, minor) + "\(status.st_ino)"
        return String(decoding: locks, as: UTF8.self).split(separator: "\n").contains { line in
            let fields = line.split(separator: " ")
            return fields.count > 5 && fields[1] == "FLOCK" && fields[3] == "WRITE" && fields[5] == file
        }
    }

    private static func acquire(_ path: String, _ runDirectory: String) throws -> Int32 {
        while true {
            let descriptor = retried {
                open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o644)
            }
            guard descriptor >= 0 else { throw RunLockError.system(path: path, code: errno) }
            guard retried({ flock(descriptor, LOCK_EX | LOCK_NB) }) == 0 else {
                let code = errno
                let holder = Self.holder(descriptor)
                close(descriptor)
                throw code == EWOULDBLOCK
                    ? RunLockError.held(directory: runDirectory, holder: holder)
                    : RunLockError.system(path: path, code: code)
            }
            // A run that failed before its first step may have removed the file in between: the lock on it keeps nobody out.
            if PartialName.isSame(descriptor, path) { return descriptor }
            close(descriptor)
        }
    }

    /// The host's name as it calls itself. Foundation would ask the network, which can take seconds.
    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "unknown" }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func holder(_ descriptor: Int32) -> Holder? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count > 0 else { return nil }
        return try? JSONDecoder().decode(Holder.self, from: Data(bytes[..<count]))
    }
}

/// Why a run directory cannot be locked.
public enum RunLockError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Another run works in the directory. `holder` is nil in the instant before it has written its name.
    case held(directory: String, holder: RunLock.Holder?)
    case system(path: String, code: Int32)

    public var description: String {
        switch self {
        case .held(let directory, let holder):
            if let holder {
                """
                \(directory): another run works here: process \(holder.pid) on \(holder.host), since \(holder.started); \
                wait for it, stop it, or choose another --output
                """
            } else {
                "\(directory): another run works here; wait for it, stop it, or choose another --output"
            }
        case .system(let path, let code):
            "\(path): cannot lock: \(String(cString: strerror(code)))"
        }
    }
}
