import Corpus
import Foundation
import TestSupport
import Testing

@Suite struct CorpusListingTests {
    private func names(_ path: String, format: CorpusFormat = .auto) throws -> [String] {
        try CorpusListing(configuration(path, format: format)).sources[0].files.map(\.relativePath)
    }

    @Test func foldersAreReadInByteOrder() throws {
        let folder = try TemporaryFolder()
        for name in [
            "b.txt", "a/z.txt", "a.txt", "B.TXT", "a/b/c.jsonl.zst", "ä.text", "c.ndjson.lz4", "d.txt.gz",
            ".hidden.txt",
            ".git/x.txt", "notes.md", "e.json", "f.txt.bak", "a-b/c.txt",
        ] { try folder.write("{}", to: name) }
        #expect(
            try names(folder.path) == [
                "B.TXT", "a-b/c.txt", "a.txt", "a/b/c.jsonl.zst", "a/z.txt", "b.txt", "c.ndjson.lz4", "d.txt.gz",
                "ä.text",
            ])
        #expect(try names(folder.path + "/") == names(folder.path))
        #expect(try names(folder.path, format: .jsonl) == ["a/b/c.jsonl.zst", "c.ndjson.lz4", "e.json"])
        #expect(
            try names(folder.path, format: .text) == [
                "B.TXT", "a-b/c.txt", "a.txt", "a/z.txt", "b.txt", "d.txt.gz", "ä.text",
            ])
        #expect(try names(folder.path + "/notes.md") == ["notes.md"])
        let listing = try CorpusListing(configuration(folder.path))
        #expect(
            listing.sources[0].files.filter(\.isJSONLines).map(\.relativePath) == ["a/b/c.jsonl.zst", "c.ndjson.lz4"])
        #expect(listing.bytes == 18 && listing.fileCount == 9)
    }

    @Test func globs() throws {
        let folder = try TemporaryFolder()
        for name in [
            "x/a1.txt", "x/a2.txt", "x/b.md", "y/a3.txt", "y/deep/er/a4.txt", ".h/a5.txt", "a6.txt", "x/.a7.txt",
        ] {
            try folder.write("text", to: name)
        }
        #expect(try names(folder.path + "/x/*.txt") == ["a1.txt", "a2.txt"])
        #expect(try names(folder.path + "/x/*") == ["a1.txt", "a2.txt"])
        #expect(try names(folder.path + "/x/b*") == ["b.md"])
        #expect(try names(folder.path + "/*/a[13].txt") == ["x/a1.txt", "y/a3.txt"])
        #expect(try names(folder.path + "/?/a?.txt") == ["x/a1.txt", "x/a2.txt", "y/a3.txt"])
        #expect(
            try names(folder.path + "/**/*.txt") == ["a6.txt", "x/a1.txt", "x/a2.txt", "y/a3.txt", "y/deep/er/a4.txt"])
        #expect(try names(folder.path + "/**") == names(folder.path + "/**/*.txt"))
        #expect(try names(folder.path + "/*/deep") == ["y/deep/er/a4.txt"])
        #expect(try names(folder.path + "/**/deep/er/*.txt") == ["y/deep/er/a4.txt"])
        // A name that happens to look like a pattern.
        try folder.write("text", to: "odd[1].txt")
        #expect(try names(folder.path + "/odd[1].txt") == ["odd[1].txt"])
    }

    @Test func symbolicLinks() throws {
        let folder = try TemporaryFolder()
        let other = try TemporaryFolder()
        try other.write("text", to: "linked.txt")
        try folder.write("text", to: "sub/a.txt")
        try folder.link("sub/up", to: "..")
        try folder.link("self.txt", to: "self.txt")
        try folder.link("other", to: other.path)
        try folder.link("other2", to: other.path)
        try folder.link("file.txt", to: other.path + "/linked.txt")
        let listing = try CorpusListing(configuration(folder.path))
        #expect(listing.sources[0].files.map(\.relativePath) == ["file.txt", "other/linked.txt", "sub/a.txt"])
        #expect(listing.report.counts == [.symbolicLinkLoop: 2, .repeatedFolder: 1])
        #expect(throws: CorpusError.self) { try CorpusListing(configuration(folder.path) { $0.strict = true }) }
        #expect(try names(folder.path + "/**/*.txt").contains("sub/a.txt"))
        #expect(throws: CorpusError.self) { try CorpusListing(configuration(folder.path + "/self.txt")) }
    }
}

@Suite struct CorpusFingerprintTests {
    private func corpus() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write(String(repeating: "text ", count: 100_000), to: "a.txt")
        try folder.write("other", to: "b/c.txt")
        return folder
    }

    private func change(_ folder: TemporaryFolder, _ limit: Int64) throws -> (CorpusFingerprint, CorpusConfiguration) {
        let settings = configuration(folder.path)
        return (try CorpusFingerprint(CorpusListing(settings), wholeLimit: limit, blockLimit: 100), settings)
    }

    @Test(arguments: [0, 1 << 30] as [Int64])
    func unchangedAndMovedCorporaPass(limit: Int64) throws {
        let folder = try corpus()
        let (fingerprint, settings) = try change(folder, limit)
        #expect((fingerprint.blocksPerFile == nil) == (limit > 0))
        try fingerprint.verify(against: CorpusListing(settings))
        let saved = try JSONEncoder().encode(fingerprint)
        let read = try JSONDecoder().decode(CorpusFingerprint.self, from: saved)
        #expect(read == fingerprint)
        // A copy has other paths and modification times.
        let moved = try corpus()
        try read.verify(against: CorpusListing(configuration(moved.path)))
    }

    @Test(arguments: [0, 1 << 30] as [Int64])
    func everyChangeIsNamed(limit: Int64) throws {
        let folder = try corpus()
        let (fingerprint, settings) = try change(folder, limit)
        func expect(_ name: String, _ change: String) throws {
            let error = #expect(throws: CorpusError.self) { try fingerprint.verify(against: CorpusListing(settings)) }
            guard case .fileChanged(let path, let found) = error else { throw try #require(error) }
            #expect(path.hasSuffix(name) && found.contains(change))
        }
        let text = String(repeating: "text ", count: 100_000)
        try folder.write("T" + text.dropFirst(), to: "a.txt")
        try expect("a.txt", "content differs")
        try folder.write(text + "x", to: "a.txt")
        try expect("a.txt", "size was 500000 bytes and is 500001")
        try folder.write(text, to: "a.txt")
        try fingerprint.verify(against: CorpusListing(settings))
        try folder.write("new", to: "b/a.txt")
        try expect("b/a.txt", "added")
        try FileManager.default.removeItem(atPath: folder.path + "/b/a.txt")
        try FileManager.default.removeItem(atPath: folder.path + "/b/c.txt")
        try expect("b/c.txt", "missing")
    }

    /// As the runs of a search do, one after another.
    @Test func aFileIsReadOnceInAProcess() throws {
        let folder = try corpus()
        let (fingerprint, settings) = try change(folder, 1 << 30)
        func date(_ seconds: Double) throws {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: seconds)], ofItemAtPath: folder.path + "/a.txt")
        }
        try date(1e9)
        try fingerprint.verify(against: CorpusListing(settings))
        // What has the time and the size that it had is not looked into again.
        try folder.write(String(repeating: "words", count: 100_000), to: "a.txt")
        try date(1e9)
        try fingerprint.verify(against: CorpusListing(settings))
        try date(1.1e9)
        #expect(throws: CorpusError.self) { try fingerprint.verify(against: CorpusListing(settings)) }
    }

    @Test func digestIsSHA256OfTheContent() throws {
        let folder = try TemporaryFolder()
        try folder.write("abc", to: "a.txt")
        let fingerprint = try CorpusFingerprint(CorpusListing(configuration(folder.path)))
        #expect(fingerprint.files[0].sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func ofVeryManyFilesSomeAreOpened() throws {
        let folder = try TemporaryFolder()
        for number in 0..<250 { try folder.write("text \(number)", to: "\(number).txt") }
        let (fingerprint, settings) = try change(folder, 0)
        #expect(fingerprint.files.count { $0.sha256 != nil } == 100)
        try fingerprint.verify(against: CorpusListing(settings))
    }
}
