import Corpus
import Foundation
import TestSupport
import Testing

/// File names are bytes.
@Suite struct FileNameTests {
    /// Made and removed by bytes, which Foundation's paths do not do.
    private func withFiles(_ names: [[UInt8]], _ body: (TemporaryFolder) throws -> Void) throws {
        let folder = try TemporaryFolder()
        try folder.write("plain text", to: "corpus/plain.txt")
        let paths = names.map { Array((folder.path + "/corpus/").utf8) + $0 + [0] }
        for (index, path) in paths.enumerated() {
            let descriptor = path.withUnsafeBytes {
                open($0.baseAddress!.assumingMemoryBound(to: CChar.self), O_CREAT | O_WRONLY, 0o600)
            }
            #expect(descriptor >= 0)
            let text = Array("text of \(index)".utf8)
            #expect(write(descriptor, text, text.count) == text.count)
            close(descriptor)
        }
        defer {
            for path in paths {
                path.withUnsafeBytes { _ = unlink($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
            }
        }
        try body(folder)
    }

    private let names: [[UInt8]] = [
        Array("caf".utf8) + [0xE9] + Array(".txt".utf8), [0xFF, 0xFE] + Array(".txt".utf8),
        Array("\u{10FFE9}.txt".utf8), Array("\u{10FF7F}\u{10FFFF}.txt".utf8),
    ]

    @Test func namesThatAreNotUTF8AreReadRecognisedAndShown() throws {
        try withFiles(names) { folder in
            let path = folder.path + "/corpus"
            let result = try pieces(configuration(path))
            #expect(result.texts.sorted() == ["plain text"] + (0..<4).map { "text of \($0)" })
            #expect(try pieces(configuration(path + "/caf?.txt")).texts == ["text of 0"])
            #expect(try pieces(configuration(path + "/**/*.txt")).texts.count == 5)
            let listing = try CorpusListing(configuration(path))
            let fingerprint = try CorpusFingerprint(listing)
            let saved = try JSONDecoder().decode(CorpusFingerprint.self, from: JSONEncoder().encode(fingerprint))
            #expect(saved == fingerprint && saved.files.count == 5)
            #expect(saved.files.allSatisfy { $0.sha256 != nil })
            try saved.verify(against: listing)
            let file = try #require(listing.sources[0].files.first { $0.relativePath.hasPrefix("caf") })
            #expect(CorpusError.invalidUTF8(path: file.path, offset: 3).description.contains("corpus/caf\\xE9.txt: "))
            #expect("\(CorpusWarning(.emptyFile, path: file.path, "empty"))".hasSuffix("corpus/caf\\xE9.txt: empty"))
        }
    }

    @Test func pathsRoundTrip() {
        var generator = SplitMix64(seed: 51)
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                generator.pick(
                    [0x61, 0x2F, 0xC3, 0xA9, 0xF4, 0x8F, 0xBE, 0xBF, 0x80, 0xFF, 0xE9, 0xED, 0xA0] as [UInt8])
            }
            let string = bytes.withUnsafeBytes { SystemPath.string($0) }
            #expect(SystemPath.bytes(string) == bytes, "\(bytes)")
            #expect(SystemPath.bytes(String(decoding: Array(string.utf8), as: UTF8.self)) == bytes)
        }
        #expect(Array("é漢🙂.txt".utf8).withUnsafeBytes { SystemPath.string($0) } == "é漢🙂.txt")
    }

    /// Swift's strings take them for equal; for the system they are two files.
    @Test func namesThatDifferInNormalizationAreTwoFiles() throws {
        let folder = try TemporaryFolder()
        try withFiles([Array("e\u{301}.txt".utf8), Array("\u{E9}.txt".utf8)]) { folder in
            let path = folder.path + "/corpus"
            #expect(try pieces(configuration(path)).texts.sorted() == ["plain text", "text of 0", "text of 1"])
            #expect(try pieces(configuration(path + "/*.txt")).texts.count == 3)
            let listing = try CorpusListing(configuration(path))
            try CorpusFingerprint(listing).verify(against: listing)
        }
        _ = folder
    }
}
