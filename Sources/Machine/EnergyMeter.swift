import Foundation

/// Energy that the machine's processors have used, where the system tells it (RAPL under `/sys/class/powercap`, which most
/// systems let only the superuser read). It is of whole packages: of everything that ran on them.
public struct EnergyMeter {
    private struct Package {
        var path: String
        /// The counter begins again here, in microjoules.
        var range: Double
        var last: Double
    }

    private var packages: [Package] = []
    private var microjoules = 0.0

    /// Begins to count. Nil where nothing is told.
    ///
    /// - Parameter root: stands before the system's path.
    public init?(root: String = "") {
        let folder = root + "/sys/class/powercap"
        // Domains within a package have a second colon, and are part of it.
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter {
            $0.hasPrefix("intel-rapl:") && $0.count { $0 == ":" } == 1
        }
        for name in names.sorted() {
            // What holds the packages too, as psys does, would count them twice.
            if let domain = FileManager.default.contents(atPath: "\(folder)/\(name)/name"),
                !String(decoding: domain, as: UTF8.self).hasPrefix("package")
            {
                continue
            }
            guard let counter = Self.number("\(folder)/\(name)/energy_uj"),
                let range = Self.number("\(folder)/\(name)/max_energy_range_uj"), range > 0
            else { continue }
            packages.append(Package(path: "\(folder)/\(name)/energy_uj", range: range, last: counter))
        }
        if packages.isEmpty { return nil }
    }

    /// Joules since the beginning. Has to be asked more often than a counter goes round: within minutes, where many
    /// cores are busy.
    public mutating func joules() -> Double {
        for index in packages.indices {
            guard let counter = Self.number(packages[index].path) else { continue }
            let used = counter - packages[index].last
            microjoules += used < 0 ? used + packages[index].range : used
            packages[index].last = counter
        }
        return microjoules * 1e-6
    }

    private static func number(_ path: String) -> Double? {
        FileManager.default.contents(atPath: path).flatMap {
            Double(String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }
}
