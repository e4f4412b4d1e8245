import Foundation

/// What the system calls this machine's processor.
public enum ProcessorName {
    /// The first processor's name in `/proc/cpuinfo`; the architecture where it has none.
    public static let text: String = {
        let information = FileManager.default.contents(atPath: "/proc/cpuinfo") ?? Data()
        let line = String(decoding: information, as: UTF8.self).split(separator: "\n").first {
            $0.hasPrefix("model name")
        }
        let name = line?.split(separator: ":", maxSplits: 1).last?.trimmingCharacters(in: .whitespaces) ?? ""
        if !name.isEmpty { return name }
        var system = utsname()
        guard uname(&system) == 0 else { return "unknown" }
        return withUnsafeBytes(of: &system.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }()
}
