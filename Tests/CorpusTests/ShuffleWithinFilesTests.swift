import Corpus
import Foundation
import TestSupport
import Testing

@Suite struct ShuffleWithinFilesTests {
    private let folder = try! TemporaryFolder()

    private func settings(
        _ path: String, separator: DocumentSeparator = .blankLine, heldOut: Double = 0,
        _ change: (inout CorpusConfiguration) -> Void = { _ in }
    ) -> CorpusConfiguration {
        configuration(path, separator: separator, heldOut: heldOut) {
            $0.shuffleBytes = 65_536
            $0.maximumDocumentBytes = 1024
            $0.interleaveDocuments = 1
            $0.shuffleWithinFiles = true
            change(&$0)
        }
    }

    /// The numbers of the documents of the first epochs, in the order in which they come.
    private func numbers(_ configuration: CorpusConfiguration, epochs: Int) throws -> [[Int]] {
        let loader = try CorpusLoader(configuration: configuration, tokenizer: ByteTokenizer(), seed: 5, batchSize: 1)
        defer { loader.stop() }
        var result = Array(repeating: [Int](), count: epochs + 1)
        var last: LoadedBatch?
        while (last?.epochs[0] ?? 0) < epochs {
            let loaded = try loader.next()
            for text in try loaded.batch.segmentTexts() where text.hasPrefix("#") {
                result[last?.epochs[0] ?? 0].append(try #require(Int(text.dropFirst().prefix { $0.isNumber })))
            }
            last = loaded
        }
        return result
    }

    @Test("The line behind one that is too long comes once") func overlongLines() throws {
        // Longer than a part of the file that is read by itself.
        let lines = (0..<200).map { number in
            "{\"text\": \"#\(number) \(String(repeating: "x", count: number % 20 == 10 ? 70_000 : 500))\"}"
        }
        let path = try folder.write(lines.joined(separator: "\n"), to: "lines.jsonl")
        let found = try numbers(settings(path) { $0.maximumLineBytes = 4096 }, epochs: 1)[0]
        #expect(Set(found).sorted() == (0..<200).filter { $0 % 20 != 10 })
        // The last batch may have the next pass's first line already; these are the lines behind long ones.
        #expect(found.filter { $0 % 20 == 11 }.count == 10)
    }

    private func write(_ archive: Archive = .plain, separator: DocumentSeparator, isLines: Bool = false) throws
        -> String
    {
        var generator = SplitMix64(seed: 71)
        let ends =
            separator == .line
            ? ["\n", "\r\n", "\n\n", "\n  "]
            : ["\n\n", "\n \n", "\n\n\n\n", "\r\n\r\n", "\n\n    ", "\n" + String(repeating: " ", count: 300) + "\n"]
        var text = ""
        for number in 0..<4000 {
            let words = "#\(number) " + String(repeating: "w", count: Int.random(in: 0...120, using: &generator))
            text += isLines ? try jsonLine(words) + generator.pick(["\n", "\n\n"]) : words + generator.pick(ends)
        }
        return try folder.write(
            archive.pack(Array(text.utf8)), to: "a" + (isLines ? ".jsonl" : ".txt") + archive.rawValue)
    }

    @Test(arguments: [(DocumentSeparator.blankLine, false), (.line, false), (.blankLine, true)])
    func everyDocumentComesOnceInAnOrderOfItsOwnInEachEpoch(separator: DocumentSeparator, isLines: Bool) throws {
        let path = try write(separator: separator, isLines: isLines)
        let epochs = try numbers(settings(path, separator: separator), epochs: 4)
        // Sequences of two epochs share batches and open sequences, so counts of all epochs are looked at together.
        var counts = Array(repeating: 0, count: 4000)
        for number in epochs.joined() { counts[number] += 1 }
        #expect(counts.allSatisfy { (3...5).contains($0) })
        #expect(counts.count { $0 == 4 } > 3800)
        // Where most of the first documents are from; a few wait in open sequences for their epoch to end.
        func early(_ epoch: [Int]) -> [Int] {
            (0..<8).filter { part in epoch.prefix(500).count { $0 / 500 == part } > 60 }
        }
        #expect(Set(epochs[..<4].map { early($0) }).count > 1)
        // Front to back without the setting.
        let plain = try numbers(settings(path, separator: separator) { $0.shuffleWithinFiles = false }, epochs: 2)
        #expect(early(plain[0]) == early(plain[1]))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func resumingIsExact(seed: UInt64) throws {
        let path = try write(separator: .blankLine)
        let configuration = settings(path, heldOut: 0.1) { $0.interleaveDocuments = 8 }
        func loader(_ state: LoaderState? = nil) throws -> CorpusLoader {
            try CorpusLoader(
                configuration: configuration, tokenizer: ByteTokenizer(), seed: seed, batchSize: 8, resumingFrom: state)
        }
        let whole = try loader()
        var batches: [TokenBatch] = []
        var states: [LoaderState] = []
        for _ in 0..<500 {
            let loaded = try whole.next()
            batches.append(loaded.batch)
            states.append(loaded.stateAfter)
        }
        for place in stride(from: 3, to: 490, by: 37) {
            let resumed = try loader(states[place])
            for next in place + 1..<place + 4 { #expect(try resumed.next().batch == batches[next]) }
            resumed.stop()
        }
        #expect(states[499].sources[0].epoch > 1)
        let other = settings(path, heldOut: 0.1) { $0.shuffleWithinFiles = false }
        #expect(throws: CorpusError.self) {
            try CorpusLoader(
                configuration: other, tokenizer: ByteTokenizer(), seed: seed, batchSize: 8, resumingFrom: states[3])
        }
    }

    @Test func whatCannotBeDividedIsReadWholeAndMentioned() throws {
        let compressed = try write(.gzip, separator: .blankLine)
        let loader = try CorpusLoader(
            configuration: settings(compressed), tokenizer: ByteTokenizer(), seed: 5, batchSize: 1)
        #expect(try loader.next().newWarnings.map(\.kind) == [.undividedFile])
        loader.stop()
        // By its name it is not compressed.
        let content = try folder.data("a.txt.gz")
        for (name, bytes) in [
            ("disguised.txt", Archive.plain.pack(Array(content))),
            (
                "array.json",
                Array(try JSONSerialization.data(withJSONObject: (0..<4000).map { ["text": "#\($0) of an array"] }))
            ),
        ] {
            let path = try folder.write(bytes, to: name)
            let loader = try CorpusLoader(
                configuration: settings(path), tokenizer: ByteTokenizer(), seed: 5, batchSize: 1)
            // The other one is small enough to be one range.
            if name == "array.json" { #expect(try loader.next().newWarnings.map(\.kind) == [.undividedFile]) }
            loader.stop()
            let epochs = try numbers(settings(path), epochs: 1)
            #expect(Set(epochs[0]).count > 3000, "\(name)")
            #expect(Set(epochs[0]).count >= epochs[0].count - 20, "\(name)")
        }
    }

    /// One document in far more ranges than there are documents.
    @Test func aSingleDocumentBelongsToTheRangeInWhichItBegins() throws {
        let path = try folder.write(String(repeating: "word ", count: 100_000), to: "a.txt")
        let loader = try CorpusLoader(
            configuration: settings(path), tokenizer: ByteTokenizer(), seed: 5, batchSize: 64)
        var bytes = 0
        while true {
            let loaded = try loader.next()
            if loaded.epochs[0] > 0 { break }
            bytes += try loaded.batch.segmentTexts().reduce(0) { $0 + $1.utf8.count }
        }
        #expect((450_000...500_000).contains(bytes))
    }
}

@Suite struct HeldOutPieceTests {
    @Test func piecesOfFewLongDocumentsAreHeldOut() throws {
        let folder = try TemporaryFolder()
        var generator = SplitMix64(seed: 81)
        let book = (0..<2000).map { "\($0): " + generator.document($0, bytes: 100).replacing("\n", with: " ") }
        let path = try folder.write(book.joined(separator: "\n"), to: "book.txt")
        func settings(_ unit: HeldOutUnit) -> CorpusConfiguration {
            configuration(path, separator: .file, heldOut: 0.2) {
                $0.maximumDocumentBytes = 2048
                $0.heldOutUnit = unit
            }
        }
        let whole = try pieces(settings(.document))
        #expect(Set(whole.heldOut).count == 1)
        let divided = try pieces(settings(.piece))
        #expect(divided.texts == whole.texts)
        let held = divided.heldOut.count { $0 }
        #expect((10...50).contains(held) && divided.texts.count > 90)
        let reader = HeldOutReader(listing: try CorpusListing(settings(.piece)), tokenizer: ByteTokenizer())
        let collection = try reader.read(tokenBudget: 1 << 20, batchSize: 4)
        #expect(collection.documents == held)
        let evaluated = Set(zip(divided.texts, divided.heldOut).filter(\.1).map(\.0))
        // The loader gives the others, and only them.
        let loader = try CorpusLoader(
            configuration: settings(.piece), tokenizer: ByteTokenizer(), seed: 1, batchSize: 8)
        var trained = ""
        var last = try loader.next()
        while last.epochs[0] == 0 {
            trained += try last.batch.segmentTexts().joined(separator: "\n")
            last = try loader.next()
        }
        #expect(Int(last.stateAfter.sources[0].heldOutDocuments) >= held)
        for text in evaluated { #expect(!trained.contains(text.prefix(60))) }
        // With one document, advice that leads out.
        for (unit, fraction) in [(HeldOutUnit.document, 1e-9)] {
            var few = settings(unit)
            few.heldOut = fraction
            let error = #expect(throws: CorpusError.self) {
                try HeldOutReader(listing: CorpusListing(few), tokenizer: ByteTokenizer()).read(
                    tokenBudget: 100, batchSize: 1)
            }
            #expect("\(try #require(error))".contains("corpus.held_out_unit to piece"))
        }
    }
}
