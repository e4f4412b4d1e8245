import Foundation

extension Workspace {
    /// Processes of a run that is under way, by number.
    func processes(_ output: String) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { number in
            guard let data = FileManager.default.contents(atPath: "/proc/\(number)/cmdline"),
                let folder = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(number)/cwd")
            else { return false }
            let words = data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            return words.first == Program.path && words.contains(output)
                && folder.split(separator: "/").last == path.split(separator: "/").last
        }.sorted()
    }
}
