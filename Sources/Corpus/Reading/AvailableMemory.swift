import Glibc

/// Memory that this process may still take.
package enum AvailableMemory {
    /// The least of what the machine has left and what the limits of the process and its control group leave, in bytes.
    package static var bytes: UInt64 {
        [machine, addressSpace, controlGroup].compactMap { $0 }.min() ?? .max
    }

    private static var machine: UInt64? {
        guard let text = contents("/proc/meminfo"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
            let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ UInt64($0) })
        else { return nil }
        return kilobytes << 10
    }

    /// What `ulimit -v` leaves.
    private static var addressSpace: UInt64? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur != .max,
            let pages = contents("/proc/self/statm")?.split(separator: " ").first.flatMap({ UInt64($0) })
        else { return nil }
        let used = pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
        return UInt64(limit.rlim_cur) - min(used, UInt64(limit.rlim_cur))
    }

    /// What the innermost control group leaves, of version 2 or 1.
    private static var controlGroup: UInt64? {
        guard let groups = contents("/proc/self/cgroup") else { return nil }
        let left = groups.split(separator: "\n").compactMap { line -> UInt64? in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            if parts[1].isEmpty {
                return room("/sys/fs/cgroup\(parts[2])/memory.max", "/sys/fs/cgroup\(parts[2])/memory.current")
                    ?? room("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current")
            }
            guard parts[1].split(separator: ",").contains("memory") else { return nil }
            let root = "/sys/fs/cgroup/memory"
            return room("\(root)\(parts[2])/memory.limit_in_bytes", "\(root)\(parts[2])/memory.usage_in_bytes")
                ?? room("\(root)/memory.limit_in_bytes", "\(root)/memory.usage_in_bytes")
        }
        return left.min()
    }

    private static func room(_ limit: String, _ usage: String) -> UInt64? {
        guard let limit = number(limit), let usage = number(usage) else { return nil }
        return limit - min(limit, usage)
    }

    private static func number(_ path: String) -> UInt64? {
        contents(path).flatMap { UInt64($0.trimmingSuffix(while: \.isWhitespace)) }
    }

    private static func contents(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}

extension String {
    fileprivate func trimmingSuffix(while isDropped: (Character) -> Bool) -> Substring {
        self[..<(lastIndex { !isDropped($0) }.map(index(after:)) ?? startIndex)]
    }
}
