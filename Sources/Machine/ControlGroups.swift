import Foundation

/// What the control groups of this process allow it, of either version (Linux's cgroups(7)).
///
/// A group is bounded by all groups above it too, so limits are looked for up to the root of what is mounted.
struct ControlGroups {
    /// Bytes of memory, and the file that says so; nil where nothing is limited.
    let memory: (bytes: Int, file: String)?
    /// Processors' worth of time, such as 1.5; nil where nothing is limited.
    let processors: Double?

    /// - Parameter root: stands before every path; "" but in tests.
    init(root: String = "") {
        let mounts = Self.mounts(root)
        var memory: (bytes: Int, file: String)?
        var processors: Double?
        func limit(_ bytes: Int?, _ file: String) {
            // Version 1 writes "no limit" as a number near the largest.
            guard let bytes, bytes > 0, bytes < Int.max / 2 else { return }
            if memory.map({ bytes < $0.bytes }) ?? true { memory = (bytes, file) }
        }
        func limit(quota: Double?, period: Double?) {
            guard let quota, let period, quota > 0, period > 0 else { return }
            processors = min(processors ?? .infinity, quota / period)
        }
        for line in Self.lines("\(root)/proc/self/cgroup") {
            // hierarchy:controllers:path; version 2 names no controllers.
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let controllers = Set(parts[1].split(separator: ",").map(String.init))
            let isUnified = parts[1].isEmpty
            for mount in mounts where isUnified ? mount.isUnified : !mount.controllers.isDisjoint(with: controllers) {
                for folder in mount.folders(of: String(parts[2])) {
                    let path = root + folder
                    if isUnified {
                        limit(Self.number("\(path)/memory.max"), "\(folder)/memory.max")
                        let time = (Self.lines("\(path)/cpu.max").first ?? "").split(separator: " ")
                        limit(quota: time.first.flatMap { Double($0) }, period: time.last.flatMap { Double($0) })
                    } else {
                        if mount.controllers.contains("memory") {
                            limit(Self.number("\(path)/memory.limit_in_bytes"), "\(folder)/memory.limit_in_bytes")
                        }
                        if mount.controllers.contains("cpu") {
                            limit(
                                quota: Self.number("\(path)/cpu.cfs_quota_us").map(Double.init),
                                period: Self.number("\(path)/cpu.cfs_period_us").map(Double.init))
                        }
                    }
                }
            }
        }
        self.memory = memory
        self.processors = processors
    }

    /// Where a hierarchy is mounted.
    private struct Mount {
        /// The group that stands at the mount point.
        var group: String
        var point: String
        var isUnified: Bool
        var controllers: Set<String>

        /// Folders of a group and of those above it, as far as they are mounted.
        func folders(of path: String) -> [String] {
            var below = path
            if group != "/" {
                // In a container the mount may begin at the container's own group, which then is all that can be seen.
                below = path == group ? "/" : path.hasPrefix(group + "/") ? String(path.dropFirst(group.count)) : "/"
            }
            var names = below.split(separator: "/").map(String.init)
            if names.contains("..") { names = [] }
            var folders = [point]
            for name in names { folders.append((folders.last ?? point) + "/" + name) }
            return folders
        }
    }

    /// Of `/proc/self/mountinfo`: id, parent, device, root, mount point, options, any number of fields, "-", type, source,
    /// options of the file system.
    private static func mounts(_ root: String) -> [Mount] {
        lines("\(root)/proc/self/mountinfo").compactMap { line in
            let fields = line.split(separator: " ").map(String.init)
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 3, dash > 5 else { return nil }
            let type = fields[dash + 1]
            guard type == "cgroup2" || type == "cgroup" else { return nil }
            return Mount(
                group: fields[3], point: fields[4], isUnified: type == "cgroup2",
                controllers: Set(fields[dash + 3].split(separator: ",").map(String.init)))
        }
    }

    private static func number(_ path: String) -> Int? { lines(path).first.flatMap { Int($0) } }

    private static func lines(_ path: String) -> [String] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
