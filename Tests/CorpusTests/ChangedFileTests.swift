import Corpus
import Foundation
import TestSupport
import Testing

/// Files that change between the listing and the end of reading.
@Suite struct ChangedFileTests {
    private let folder = try! TemporaryFolder()

    private func text(_ documents: Int) -> String {
        var generator = SplitMix64(seed: 31)
        return (0..<documents).map { generator.document($0, bytes: 100) }.joined(separator: "\n\n")
    }

    private func touch(_ path: String) throws {
        try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: path)
    }

    private func expectChange(_ path: String, _ change: String, _ body: () throws -> Void) throws {
        let error = #expect(throws: CorpusError.self) { try body() }
        guard case .changedWhileRead(path, let found) = error else { throw try #require(error) }
        #expect(found.contains(change))
    }

    @Test(arguments: Archive.allCases)
    func aFileThatChangedBeforeItIsOpened(archive: Archive) throws {
        let content = archive.pack(Array(text(50).utf8))
        let path = try folder.write(content, to: "a.txt" + archive.rawValue)
        let listing = try CorpusListing(configuration(path))
        try folder.write(content, to: "a.txt" + archive.rawValue)
        try touch(path)
        let loader = try CorpusLoader(listing: listing, tokenizer: ByteTokenizer(), seed: 0, batchSize: 1)
        try expectChange(path, "written to") { _ = try loader.next() }
        try expectChange(path, "written to") {
            try CorpusSampler(listing: listing, seed: 0).sampleDocuments(limitBytes: 1000) { _ in }
        }
    }

    @Test func aFileThatGrowsWhileItIsRead() throws {
        let path = try folder.write(text(60_000), to: "a.txt")
        let loader = try CorpusLoader(
            configuration: configuration(path) { $0.shuffleDocuments = 100 }, tokenizer: ByteTokenizer(), seed: 0,
            batchSize: 1)
        for _ in 0..<10 { _ = try loader.next() }
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data("\n\none more".utf8))
        try file.close()
        try expectChange(path, "and is") { while try loader.next().epochs[0] == 0 {} }
    }

    @Test func aFileThatIsRewrittenAfterSomeEpochs() throws {
        let path = try folder.write(text(30), to: "a.txt")
        let loader = try CorpusLoader(
            configuration: configuration(path), tokenizer: ByteTokenizer(), seed: 0, batchSize: 1)
        while try loader.next().epochs[0] < 2 {}
        try folder.write([], to: "a.txt")
        try expectChange(path, "bytes and is 0") { while try loader.next().epochs[0] < 100 {} }
    }

    /// In place of a complaint about the archive, which is as sound as it was.
    @Test func anArchiveThatIsRewrittenWhileItIsReadIsNotCalledDamaged() throws {
        let first = Archive.zstandard.pack(Array(text(60_000).utf8))
        let path = try folder.write(first, to: "a.txt.zst")
        let loader = try CorpusLoader(
            configuration: configuration(path) { $0.shuffleDocuments = 100 }, tokenizer: ByteTokenizer(), seed: 0,
            batchSize: 1)
        _ = try loader.next()
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.write(contentsOf: Data(repeating: 0x55, count: first.count))
        try file.close()
        try touch(path)
        try expectChange(path, "written to") { while try loader.next().epochs[0] == 0 {} }
    }

    @Test func whereDamageMayBeSkippedAChangeIsCountedInWhateverEpoch() throws {
        let path = try folder.write(text(30), to: "a.txt")
        let loader = try CorpusLoader(
            configuration: configuration(path) { $0.damagedFiles = .skip }, tokenizer: ByteTokenizer(), seed: 0,
            batchSize: 1)
        var shown: [CorpusWarning.Kind] = []
        var last = try loader.next()
        while last.epochs[0] < 2 { last = try loader.next() }
        try touch(path)
        while last.epochs[0] < 20 {
            last = try loader.next()
            shown += last.newWarnings.map(\.kind)
        }
        #expect(shown.filter { $0 == .changedFile } == [.changedFile])
        #expect(last.report.counts[.changedFile] == 1)
    }
}
