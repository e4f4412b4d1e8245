import Corpus
import Foundation
import TestSupport
import Testing

@Suite struct DocumentReaderTests {
    /// What a text file's documents are, said as plainly as possible.
    private func plainDocuments(_ text: String) -> [String] {
        var documents: [[Substring]] = [[]]
        for line in text.replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false) {
            if line.allSatisfy({ " \t\u{0B}\u{0C}\r".contains($0) }) {
                documents.append([])
            } else {
                documents[documents.count - 1].append(line)
            }
        }
        return documents.map { $0.joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines) }
            .filter { !$0.isEmpty }
    }

    private func randomText(_ generator: inout SplitMix64, documents: Int) -> String {
        var text = generator.pick(["", "\n\n", "  \n"])
        for number in 0..<documents {
            text += generator.document(number, bytes: Int.random(in: 1...300, using: &generator))
            text += generator.pick(["\n\n", "\n \n", "\n\t \n\n\n", "\n\n  ", "  \n\n"])
        }
        return generator.pick([text, text.replacing("\n", with: "\r\n")])
    }

    @Test func textIsDividedAtBlankLines() throws {
        var generator = SplitMix64(seed: 2)
        let folder = try TemporaryFolder()
        for round in 0..<60 {
            let text = randomText(&generator, documents: round)
            guard !text.isEmpty else { continue }
            let path = try folder.write(text, to: "a.txt")
            #expect(try pieces(configuration(path)).texts == plainDocuments(text), "round \(round)")
        }
    }

    @Test func everyLineIsADocumentWhereAsked() throws {
        var generator = SplitMix64(seed: 4)
        let folder = try TemporaryFolder()
        let lines = (0..<3000).map { number in
            number % 7 == 0
                ? generator.pick(["", "  ", "\t"])
                : "  #\(number) " + generator.document(number, bytes: 60).replacing("\n", with: " ")
        }
        let expected = lines.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        for (end, archive) in [("\n", Archive.plain), ("\r\n", .gzip)] {
            let path = try folder.write(
                archive.pack(Array(lines.joined(separator: end).utf8)), to: "a.txt" + archive.rawValue)
            #expect(try pieces(configuration(path, separator: .line)).texts == expected)
        }
        let long = String(repeating: "word ", count: 1000)
        let path = try folder.write("one\n\(long)\nthree", to: "b.txt")
        let result = try pieces(configuration(path, separator: .line) { $0.maximumDocumentBytes = 1024 })
        #expect(result.texts.first == "one" && result.texts.last == "three")
        #expect(result.texts.dropFirst().dropLast().joined().count { $0 == "w" } == 1000)
        #expect(result.report.counts == [.dividedDocument: 1])
        // A sample finds lines from the middle of a file too.
        let many = (0..<60_000).map { "#\($0) some words of a line" }
        let large = try folder.write(many.joined(separator: "\n"), to: "c.txt")
        var sampled: [String] = []
        try CorpusSampler(listing: CorpusListing(configuration(large, separator: .line)), seed: 1)
            .sampleDocuments(limitBytes: 300_000) { sampled.append(String(decoding: $0, as: UTF8.self)) }
        #expect(sampled.count > 5000 && Set(sampled.dropLast()).isSubset(of: Set(many)))
    }

    @Test func everyFormatAndCompressionGivesTheSameDocuments() throws {
        var generator = SplitMix64(seed: 3)
        let folder = try TemporaryFolder()
        let documents = (0..<400).map { generator.document($0, bytes: Int.random(in: 5...3000, using: &generator)) }
            .map { $0.split(separator: "\n").joined(separator: "\n") }
        let text = Array(documents.joined(separator: "\n\n").utf8)
        let lines = Array(try documents.map { try jsonLine($0) }.joined(separator: "\n").utf8)
        for archive in Archive.allCases {
            for parts in [1, 3] {
                let textPath = try folder.write(archive.pack(text, parts: parts), to: "a.txt" + archive.rawValue)
                #expect(try pieces(configuration(textPath)).texts == documents, "\(archive) \(parts)")
                let linePath = try folder.write(archive.pack(lines, parts: parts), to: "a.jsonl" + archive.rawValue)
                #expect(try pieces(configuration(linePath)).texts == documents, "\(archive) \(parts)")
                // The name says nothing about the compression.
                let disguised = try folder.write(archive.pack(text, parts: parts), to: "disguised")
                #expect(try pieces(configuration(disguised)).texts == documents, "\(archive) \(parts)")
            }
        }
    }

    @Test func wholeFileIsOneDocument() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("\u{FEFF}\r\nOne.\r\n\r\nStill one.\r\n\r\n", to: "a.txt")
        #expect(try pieces(configuration(path, separator: .file)).texts == ["One.\n\nStill one."])
    }

    /// Pieces are at most as long as allowed, put together they are the document, and none ends within a character.
    @Test(arguments: [CorpusFormat.text, .jsonl])
    func longDocumentsAreCutWithoutLoss(format: CorpusFormat) throws {
        var generator = SplitMix64(seed: 4)
        let folder = try TemporaryFolder()
        let spaced = (0..<20).map { generator.document($0, bytes: 700 * ($0 + 1)) }
        let unspaced = (0..<5).map { "\($0)" + String(repeating: generator.pick(["a", "é", "漢", "🙂"]), count: 1500) }
        let documents = (spaced + unspaced).map { $0.split(separator: "\n").joined(separator: "\n") }
        let content =
            format == .text
            ? documents.joined(separator: "\n\n") : try documents.map { try jsonLine($0) }.joined(separator: "\n")
        let path = try folder.write(content, to: "a")
        let result = try pieces(configuration(path, format: format) { $0.maximumDocumentBytes = 1024 })
        var joined: [String] = []
        for (text, index) in zip(result.texts, result.indexes) {
            #expect(text.utf8.count <= 1024 && text.utf8.count > 0)
            if index == 0 { joined.append(text) } else { joined[joined.count - 1] += text }
        }
        #expect(joined == documents)
        #expect(Array(result.report.counts.keys) == [.dividedDocument])
    }

    /// Reading may go on from any position, in every format, with pieces of any length.
    @Test(arguments: [CorpusFormat.text, .jsonl])
    func readingGoesOnFromEveryPosition(format: CorpusFormat) throws {
        var generator = SplitMix64(seed: 5)
        let folder = try TemporaryFolder()
        for (round, archive) in (Archive.allCases + Archive.allCases).enumerated() {
            let documents = (0..<30).map { generator.document($0, bytes: Int.random(in: 1...5000, using: &generator)) }
            let content =
                format == .text
                ? documents.joined(
                    separator: generator.pick([
                        "\n\n", "\r\n \r\n\r\n", "\n" + String(repeating: " ", count: 6000) + "\n",
                    ]))
                : try documents.map { try jsonLine($0) }.joined(separator: "\n")
            let path = try folder.write(archive.pack(Array(content.utf8), parts: 2), to: "\(round)")
            let configuration = configuration(path, format: format, heldOut: 0.5) { $0.maximumDocumentBytes = 1024 }
            let file = try #require(try CorpusListing(configuration).sources[0].files.first)
            let rules = ReadingRules(configuration)

            struct Step: Equatable {
                var text: String
                var index: Int
                var isHeldOut: Bool
                var after: FilePosition
            }
            func steps(from position: FilePosition) throws -> [Step] {
                let reader = try DocumentReader(file, at: position, rules: rules)
                var steps: [Step] = []
                while let piece = try reader.next() {
                    steps.append(
                        Step(
                            text: String(decoding: piece.text, as: UTF8.self), index: piece.index,
                            isHeldOut: piece.isHeldOut, after: reader.position))
                }
                return steps
            }
            let all = try steps(from: FilePosition())
            #expect(all.count > 60)
            for place in stride(from: 0, to: all.count, by: 3) {
                #expect(try steps(from: all[place].after) == Array(all[(place + 1)...]), "\(archive) after \(place)")
            }
        }
    }

    /// All pieces of a document are on one side, and half of the documents on each.
    @Test func piecesOfADocumentStayTogether() throws {
        var generator = SplitMix64(seed: 6)
        let folder = try TemporaryFolder()
        let documents = (0..<400).map { generator.document($0, bytes: 2500).replacing("\n", with: " ") }
        let path = try folder.write(documents.joined(separator: "\n\n"), to: "a.txt")
        let result = try pieces(configuration(path, heldOut: 0.5) { $0.maximumDocumentBytes = 1024 })
        var sides: [Bool] = []
        for (index, side) in zip(result.indexes, result.heldOut) {
            if index == 0 { sides.append(side) }
            #expect(side == sides.last)
        }
        #expect(sides.count == 400)
        #expect((140...260).contains(sides.count { $0 }))
    }
}
