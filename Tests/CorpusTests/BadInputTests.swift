import Corpus
import Foundation
import TestSupport
import Testing

@Suite struct BadInputTests {
    private let folder = try! TemporaryFolder()

    private func strict(_ path: String, format: CorpusFormat = .auto) -> CorpusConfiguration {
        configuration(path, format: format) { $0.strict = true }
    }

    private func skipping(_ path: String) -> CorpusConfiguration {
        configuration(path) { $0.damagedFiles = .skip }
    }

    @Test func invalidUTF8IsReplacedAndCountedOrRefused() throws {
        let path = try folder.write(Array("first\r\n\r\nab".utf8) + [0xFF, 0xC3, 0x28] + Array("c".utf8), to: "a.txt")
        let result = try pieces(configuration(path))
        #expect(result.texts == ["first", "ab\u{FFFD}\u{FFFD}(c"])
        #expect(result.report.counts == [.invalidUTF8: 2])
        #expect(result.report.examples.first?.offset == 11)
        #expect(throws: CorpusError.invalidUTF8(path: path, offset: 11)) { try pieces(strict(path)) }
    }

    @Test func invalidUTF8InJSONLinesNamesTheLine() throws {
        let path = try folder.write(
            Array("{\"text\": \"good\"}\n{\"text\": \"b".utf8) + [0xFF] + Array("d\"}\n{\"text\": \"\\udc00\"}".utf8),
            to: "a.jsonl")
        let result = try pieces(configuration(path))
        #expect(result.texts == ["good", "b\u{FFFD}d", "\u{FFFD}"])
        #expect(result.report.counts == [.invalidUTF8: 2])
        #expect(result.report.examples.map(\.line) == [2, 3])
        #expect(result.report.examples.first?.offset == 28)
        #expect(throws: CorpusError.invalidUTF8(path: path, offset: 28)) { try pieces(strict(path)) }
    }

    @Test func malformedLinesAreCountedWithTheirPlace() throws {
        let path = try folder.write(
            """
            {"text": "one"}

            {"text": "cut of
            {"title": "no text"}
            {"text": 5}
            {"text": "  "}
            {"text": "two"}
            """, to: "a.jsonl")
        let result = try pieces(configuration(path))
        #expect(result.texts == ["one", "two"])
        #expect(result.report.counts == [.malformedLine: 1, .missingField: 2, .emptyDocument: 1])
        #expect(result.report.examples.map(\.line) == [3, 4, 5, 6])
        #expect("\(result.report.examples[0])".hasPrefix("\(path):3: malformed JSON: "))
        let error = #expect(throws: CorpusError.self) { try pieces(strict(path)) }
        #expect(error.map { "\($0)".hasPrefix("\(path):3: malformed JSON") } == true)
    }

    @Test func overlongLinesArePassedOverInBoundedMemory() throws {
        let long = "{\"text\": \"" + String(repeating: "x", count: 20 << 20) + "\"}"
        let path = try folder.write("{\"text\": \"before\"}\n\(long)\n{\"text\": \"after\"}\n\(long)", to: "a.jsonl")
        let configuration = configuration(path) { $0.maximumLineBytes = 4096 }
        let file = try #require(try CorpusListing(configuration).sources[0].files.first)
        let rules = ReadingRules(configuration)
        let reader = try DocumentReader(file, rules: rules)
        var texts: [String] = []
        while let piece = try reader.next() { texts.append(String(decoding: piece.text, as: UTF8.self)) }
        #expect(texts == ["before", "after"])
        #expect(reader.report.counts == [.overlongLine: 2])
        #expect(reader.report.examples.map(\.line) == [2, 4])
        #expect(rules.gauge.peak < 2 << 20)
    }

    /// A text of one line, far longer than any buffer, and white space as long.
    @Test(arguments: ["x", "word ", "漢", " ", "\n"])
    func endlessDocumentsAreReadInBoundedMemory(unit: String) throws {
        let path = try folder.write(
            "begin " + String(repeating: unit, count: (12 << 20) / unit.utf8.count) + " end", to: "a.txt")
        let configuration = configuration(path)
        let file = try #require(try CorpusListing(configuration).sources[0].files.first)
        let rules = ReadingRules(configuration)
        let reader = try DocumentReader(file, rules: rules)
        var last = ""
        while let piece = try reader.next() {
            #expect(piece.text.count <= configuration.maximumDocumentBytes)
            last = String(decoding: piece.text, as: UTF8.self)
        }
        #expect(last.hasSuffix("end"))
        #expect(rules.gauge.peak <= 4 << 20)
    }

    @Test(arguments: [Archive.gzip, .zstandard, .lz4], [1, 2])
    func truncatedArchives(archive: Archive, parts: Int) throws {
        var generator = SplitMix64(seed: 9)
        let text = (0..<2000).map { generator.document($0, bytes: 200) }.joined(separator: "\n\n")
        let packed = archive.pack(Array(text.utf8), parts: parts)
        for kept in [packed.count - 1, packed.count * 3 / 4, 20, 9] {
            let path = try folder.write(Array(packed[..<kept]), to: "\(kept).txt" + archive.rawValue)
            let error = #expect(throws: CorpusError.self) { try pieces(configuration(path)) }
            guard case .damagedArchive(path, _, _) = error else {
                Issue.record("\(archive) \(kept): \(String(describing: error))")
                continue
            }
            let result = try pieces(skipping(path))
            #expect(result.report.counts[.damagedArchive] == 1)
            // The damage may lie within a character.
            #expect(result.report.counts[.invalidUTF8] ?? 0 <= 1 && result.report.counts.count <= 2)
            let whole = try pieces(configuration(try folder.write(text, to: "whole.txt"))).texts
            #expect(result.texts.dropLast().elementsEqual(whole.prefix(max(0, result.texts.count - 1))))
            if kept > packed.count / 2 { #expect(result.texts.count > 500) }
        }
    }

    @Test(arguments: [Archive.gzip, .zstandard, .lz4])
    func corruptedArchives(archive: Archive) throws {
        var generator = SplitMix64(seed: 10)
        let text = (0..<500).map { generator.document($0, bytes: 200) }.joined(separator: "\n\n")
        var packed = archive.pack(Array(text.utf8))
        for place in stride(from: packed.count / 2, to: packed.count / 2 + 40, by: 1) { packed[place] ^= 0x5A }
        let path = try folder.write(packed, to: "a" + archive.rawValue)
        let error = #expect(throws: CorpusError.self) { try pieces(configuration(path)) }
        guard case .damagedArchive = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func gzipMayBePaddedWithZerosButNotFollowedByAnything() throws {
        let packed = Archive.gzip.pack(Array("text".utf8))
        let padded = try folder.write(packed + [UInt8](repeating: 0, count: 600), to: "a.gz")
        #expect(try pieces(configuration(padded)).texts == ["text"])
        let followed = try folder.write(packed + Array("garbage".utf8), to: "b.gz")
        #expect(throws: CorpusError.self) { try pieces(configuration(followed)) }
    }

    @Test(arguments: [Archive.zstandard, .lz4])
    func skippableFramesAreSkipped(archive: Archive) throws {
        let skippable: [UInt8] = [0x5A, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
        let path = try folder.write(skippable + archive.pack(Array("text".utf8)) + skippable, to: "a")
        #expect(try pieces(configuration(path)).texts == ["text"])
    }

    @Test func whatIsNotTextIsNamed() throws {
        let utf16 = Array("text".utf16).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let samples: [(String, [UInt8])] = [
            ("bom.txt", [0xFF, 0xFE] + utf16), ("utf16.txt", utf16 + utf16 + utf16 + utf16),
            ("binary.txt", [UInt8](repeating: 0, count: 5000)), ("a.xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 0, 0]),
            ("a.zip", [0x50, 0x4B, 3, 4, 0, 0, 0, 0]), ("bom.gz", Archive.gzip.pack([0xFE, 0xFF, 0, 0x41])),
        ]
        for (name, content) in samples {
            let path = try folder.write(content, to: name)
            let error = #expect(throws: CorpusError.self, "\(name)") { try pieces(configuration(path)) }
            guard case .notText(path, _) = error else {
                Issue.record("\(name): \(String(describing: error))")
                continue
            }
            let result = try pieces(skipping(path))
            #expect(result.texts.isEmpty && result.report.counts == [.notText: 1])
        }
        let single = try folder.write("one NUL \0 in much text is text", to: "single.txt")
        #expect(try pieces(configuration(single)).texts == ["one NUL \0 in much text is text"])
    }

    @Test func unreadableFiles() throws {
        try folder.write("good", to: "good.txt")
        // Reading fails with an input error, whoever runs the tests.
        try folder.link("bad.txt", to: "/proc/self/mem")
        if try FileManager.default.contentsOfDirectory(atPath: folder.path).contains("bad.txt") {
            // It has size 0, so it is noticed as empty before it is read.
            #expect(try pieces(configuration(folder.path)).report.counts == [.emptyFile: 1])
        }
        try folder.link("dangling.txt", to: "/nonexistent/file")
        let error = #expect(throws: CorpusError.self) { try CorpusListing(configuration(folder.path)) }
        #expect(error == .unreadable(path: folder.path + "/dangling.txt", reason: "No such file or directory"))
        let result = try pieces(skipping(folder.path))
        #expect(result.texts == ["good"])
        #expect(result.report.counts == [.emptyFile: 1, .unreadable: 1])
    }

    @Test func aFileThatVanishesAfterListing() throws {
        let path = try folder.write("text", to: "a.txt")
        let listing = try CorpusListing(configuration(path))
        try FileManager.default.removeItem(atPath: path)
        let loader = try CorpusLoader(listing: listing, tokenizer: ByteTokenizer(), seed: 0, batchSize: 1)
        let expected = CorpusError.unreadable(path: path, reason: "No such file or directory")
        #expect(throws: expected) { try loader.next() }
        // The error stays.
        #expect(throws: expected) { try loader.next() }
    }

    @Test func namedPipesAreRefusedWithoutWaiting() throws {
        let path = folder.path + "/pipe"
        #expect(mkfifo(path, 0o600) == 0)
        #expect(throws: CorpusError.self) { try CorpusListing(configuration(path)) }
    }

    @Test func nothingToRead() throws {
        #expect(throws: CorpusError.noSources) { try CorpusListing(CorpusConfiguration()) }
        let missing = folder.path + "/missing"
        #expect(
            throws: CorpusError.nothingFound(source: 0, path: missing, reason: "No such file or directory")
        ) { try CorpusListing(configuration(missing)) }
        let glob = folder.path + "/*.txt"
        #expect(
            throws: CorpusError.nothingFound(source: 0, path: glob, reason: "nothing matches the pattern")
        ) { try CorpusListing(configuration(glob)) }
        try folder.write("not known", to: "readme.md")
        let error = #expect(throws: CorpusError.self) { try CorpusListing(configuration(folder.path)) }
        guard case .noUsableFiles = error else { throw try #require(error) }
        try folder.write("", to: "empty.txt")
        #expect(throws: CorpusError.self) { try CorpusListing(configuration(folder.path)) }
        let blank = try folder.write(" \n\n \n", to: "blank.txt")
        let loader = try CorpusLoader(
            configuration: configuration(blank), tokenizer: ByteTokenizer(), seed: 0, batchSize: 1)
        #expect(
            throws: CorpusError.noTrainingDocuments(source: 0, path: blank, heldOut: 0, empty: 0, warnings: [])
        ) { try loader.next() }
    }

    @Test func documentsWithoutTokensEndInAnError() throws {
        let path = try folder.write("xx\n\nx\n\nxxx", to: "a.txt")
        let tokenizer = ByteTokenizer(ignored: [UInt8(ascii: "x")])
        let loader = try CorpusLoader(configuration: configuration(path), tokenizer: tokenizer, seed: 0, batchSize: 1)
        #expect(
            throws: CorpusError.noTrainingDocuments(source: 0, path: path, heldOut: 0, empty: 3, warnings: [])
        ) { try loader.next() }
    }

    @Test func aWrongTextFieldIsExplained() throws {
        let path = try folder.write("{\"content\": \"one\"}\n{\"content\": \"two\"}\n", to: "a.jsonl")
        let loader = try CorpusLoader(
            configuration: configuration(path), tokenizer: ByteTokenizer(), seed: 0, batchSize: 1)
        let error = #expect(throws: CorpusError.self) { try loader.next() }
        let text = "\(try #require(error))"
        #expect(text.contains("missing field: 2, first: \(path):1: no text in member \"text\""), "\(text)")
    }

    /// What lies before the damage is used, even if it is little, and wherever reading begins.
    @Test(arguments: [Archive.gzip, .zstandard, .lz4])
    func aShortReadableStartIsUsed(archive: Archive) throws {
        var generator = SplitMix64(seed: 14)
        let good = (0..<40).map { generator.document($0, bytes: 50) }.joined(separator: "\n\n") + "\n\n"
        let bad = archive.pack((0..<5000).map { _ in UInt8.random(in: 97...122, using: &generator) })
        let path = try folder.write(archive.pack(Array(good.utf8)) + bad.prefix(20), to: "a")
        let configuration = skipping(path)
        let result = try pieces(configuration)
        #expect(result.texts.count >= 40)
        #expect(result.report.counts == [.damagedArchive: 1])
        let file = try #require(try CorpusListing(configuration).sources[0].files.first)
        let reader = try DocumentReader(file, rules: ReadingRules(configuration))
        for number in result.texts.indices.dropLast() {
            _ = try reader.next()
            let resumed = try DocumentReader(file, at: reader.position, rules: ReadingRules(configuration))
            let next = try resumed.next().map { String(decoding: $0.text, as: UTF8.self) }
            #expect(next == result.texts[number + 1])
        }
    }

    @Test func settingsAreChecked() {
        var configuration = configuration("a")
        configuration.sources[0].weight = 0
        #expect(throws: (any Error).self) { try configuration.validate() }
        configuration.sources[0].weight = 1
        configuration.maximumDocumentBytes = 1 << 20
        configuration.shuffleBytes = 1 << 17
        #expect(throws: (any Error).self) { try configuration.validate() }
    }
}
