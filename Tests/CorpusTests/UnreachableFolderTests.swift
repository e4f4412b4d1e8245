import Corpus
import Foundation
import TestSupport
import Testing

/// Folders that cannot be searched, which no permission is needed to make: their paths are too long for the system.
@Suite struct UnreachableFolderTests {
    /// Makes folders of 200 characters within each other until the path has more than 4,096.
    private func makeDeep(_ folder: TemporaryFolder) {
        var current = open(folder.path + "/corpus", O_RDONLY | O_DIRECTORY)
        let name = String(repeating: "x", count: 200)
        for _ in 0..<22 {
            #expect(mkdirat(current, name, 0o700) == 0)
            let next = openat(current, name, O_RDONLY | O_DIRECTORY)
            close(current)
            current = next
        }
        close(current)
    }

    @Test(arguments: ["", "/**/*.txt", "/**"])
    func foldersAreNotPassedOverInSilence(pattern: String) throws {
        let folder = try TemporaryFolder()
        try folder.write("text", to: "corpus/a.txt")
        makeDeep(folder)
        defer {
            let removal = Process()
            removal.executableURL = URL(fileURLWithPath: "/bin/rm")
            removal.arguments = ["-rf", folder.path + "/corpus"]
            try? removal.run()
            removal.waitUntilExit()
        }
        let path = folder.path + "/corpus" + pattern
        let error = #expect(throws: CorpusError.self) { try CorpusListing(configuration(path)) }
        guard case .unreadable(_, "File name too long") = error else { throw try #require(error) }
        let result = try pieces(configuration(path) { $0.damagedFiles = .skip })
        #expect(result.texts == ["text"] && result.report.counts == [.unreadable: 1])
    }
}
