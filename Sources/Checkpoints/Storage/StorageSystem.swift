import Foundation

/// The system calls that writing a checkpoint stands on, so that tests can make each of them fail.
///
/// Every method follows the convention of its system call: −1 and `errno` for a failure.
package protocol StorageSystem: Sendable {
    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int
    func fsync(_ descriptor: Int32) -> Int32
    func rename(_ old: String, _ new: String) -> Int32
    /// Bytes that an unprivileged process may still write to the file system of `path`; nil where unknown.
    func freeBytes(_ path: String) -> Int?
    /// Memory for a copy of the tensors, of pages of its own; nil and `errno` for none.
    func map(_ byteCount: Int) -> UnsafeMutableRawPointer?
    /// Called between the phases of a write; a crash test throws here.
    func reached(_ phase: WritePhase) throws
}

/// The moments of a write at which a crash would leave something different on disk.
package enum WritePhase: Hashable, Sendable, CaseIterable {
    case temporaryDirectoryCreated, filesWritten, directorySynced
    case previousSetAside, published, parentSynced, pruningStarted, pruned
}

package struct PosixStorageSystem: StorageSystem {
    package init() {}

    /// `O_DIRECT`, which the importer of C headers does not know; nil where its value is not certain.
    package static var directFlag: Int32? {
        #if os(Linux) && arch(x86_64)
            0o40000
        #elseif os(Linux) && arch(arm64)
            0o200000
        #else
            nil
        #endif
    }

    package func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        Foundation.write(descriptor, bytes.baseAddress, bytes.count)
    }

    package func fsync(_ descriptor: Int32) -> Int32 { Foundation.fsync(descriptor) }

    package func rename(_ old: String, _ new: String) -> Int32 { Foundation.rename(old, new) }

    package func freeBytes(_ path: String) -> Int? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? nil : Int(clamping: bytes)
    }

    package func map(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        return memory == MAP_FAILED ? nil : memory
    }

    package func reached(_ phase: WritePhase) throws {}
}
