import CProcessor
import Foundation

/// What this process may use of the machine: batch systems, containers and shells take away from what is built in.
public struct MachineLimits: Sendable, Equatable {
    /// A limit of memory and where it comes from.
    public struct Memory: Sendable, Equatable {
        public var bytes: Int
        /// For people, such as "this machine has" or "ulimit -v leaves".
        public var source: String
    }

    /// Bytes that may be in use: of the machine, or of the control group if that allows less.
    public let resident: Memory
    /// Bytes that may still be mapped; nil where neither address space nor data is limited.
    public let mappable: Memory?
    /// Threads that can compute at the same time: those of the affinity mask, or of the control group's share of time.
    public let processors: Int

    /// Bytes that could be taken now: what the machine has left, within the limits.
    public var available: Int {
        let text = String(decoding: FileManager.default.contents(atPath: "/proc/meminfo") ?? Data(), as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
        let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return min(kilobytes.map { $0 << 10 } ?? .max, resident.bytes, mappable?.bytes ?? .max)
    }

    /// As they are now.
    public init() {
        self.init(
            groups: ControlGroups(), physicalBytes: Int(clamping: ProcessInfo.processInfo.physicalMemory),
            affinity: Self.affinity, addressSpace: Self.limit(__rlimit_resource_t(RLIMIT_AS.rawValue)),
            data: Self.limit(__rlimit_resource_t(RLIMIT_DATA.rawValue)),
            used: Self.usedBytes)
    }

    /// - Parameters:
    ///   - root: stands before the paths of control groups.
    ///   - addressSpace, data: limits of the process; nil for none.
    ///   - used: bytes of address space and of data that the process has mapped.
    package init(
        root: String, physicalBytes: Int, affinity: Int, addressSpace: Int?, data: Int?,
        used: (addressSpace: Int, data: Int)
    ) {
        self.init(
            groups: ControlGroups(root: root), physicalBytes: physicalBytes, affinity: affinity,
            addressSpace: addressSpace, data: data, used: used)
    }

    private init(
        groups: ControlGroups, physicalBytes: Int, affinity: Int, addressSpace: Int?, data: Int?,
        used: (addressSpace: Int, data: Int)
    ) {
        if let group = groups.memory, group.bytes < physicalBytes {
            resident = Memory(bytes: group.bytes, source: "the control group allows (\(group.file))")
        } else {
            resident = Memory(bytes: physicalBytes, source: "this machine has")
        }
        let left = [
            addressSpace.map { Memory(bytes: max(0, $0 - used.addressSpace), source: "ulimit -v leaves") },
            data.map { Memory(bytes: max(0, $0 - used.data), source: "ulimit -d leaves") },
        ].compactMap(\.self)
        mappable = left.min { $0.bytes < $1.bytes }
        let share = groups.processors.map { max(1, Int($0.rounded(.up))) } ?? Int.max
        processors = max(1, min(affinity, share))
    }

    private static var affinity: Int {
        let usable = MemoryNodes.usableProcessors.count
        return usable > 0 ? usable : ProcessInfo.processInfo.activeProcessorCount
    }

    private static func limit(_ resource: __rlimit_resource_t) -> Int? {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < UInt(Int.max) else { return nil }
        return Int(limit.rlim_cur)
    }

    /// Of `/proc/self/statm`, in pages: size, resident, shared, text, lib, data.
    private static var usedBytes: (addressSpace: Int, data: Int) {
        let text = FileManager.default.contents(atPath: "/proc/self/statm") ?? Data()
        let pages = String(decoding: text, as: UTF8.self).split(separator: " ").map { Int($0) ?? 0 }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        return pages.count > 5 ? (pages[0] * page, pages[5] * page) : (0, 0)
    }
}
