import Foundation

/// Processes that are under way, as Linux tells them.
public enum Processes {
    /// Numbers of those that are a program and have a word among their arguments.
    ///
    /// - Parameter isWanted: asked for the folder in which a process works.
    public static func of(
        _ program: String, having word: String, in isWanted: (String) -> Bool = { _ in true }
    ) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { number in
            guard let data = FileManager.default.contents(atPath: "/proc/\(number)/cmdline"),
                let folder = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(number)/cwd")
            else { return false }
            let words = data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            return words.first == program && words.contains(word) && isWanted(folder)
        }.sorted()
    }
}
