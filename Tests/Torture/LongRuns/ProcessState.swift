import Foundation

/// What a process holds at a moment, as Linux tells it.
struct ProcessState {
    var residentBytes: Int
    var peakBytes: Int
    var descriptors: Int
    var threads: Int

    /// Nil once the process has gone.
    init?(_ identifier: pid_t) {
        guard let data = FileManager.default.contents(atPath: "/proc/\(identifier)/status"),
            let names = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(identifier)/fd")
        else { return nil }
        var values: [String: Int] = [:]
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(whereSeparator: { $0 == ":" || $0 == "\t" || $0 == " " })
            if parts.count > 1, let value = Int(parts[1]) { values[String(parts[0])] = value }
        }
        guard let resident = values["VmRSS"], let peak = values["VmHWM"], let threads = values["Threads"] else {
            return nil
        }
        (residentBytes, peakBytes, descriptors) = (resident << 10, peak << 10, names.count)
        self.threads = threads
    }
}
