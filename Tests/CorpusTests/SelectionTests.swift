import Corpus
import Foundation
import TestSupport
import Testing

@Suite struct HeldOutTests {
    private func write(_ folder: TemporaryFolder, _ name: String, documents: Int, bytes: Int, tag: String = "#") throws
    {
        for file in 0..<10 {
            let texts = (0..<documents / 10).map {
                "\(tag)\(file * documents / 10 + $0) " + String(repeating: "word ", count: bytes / 5) + "end"
            }
            try folder.write(texts.joined(separator: "\n\n"), to: "\(name)/\(file).txt")
        }
    }

    @Test func heldOutAndTrainingDocumentsAreDisjointAndComplete() throws {
        let folder = try TemporaryFolder()
        try write(folder, "a", documents: 1000, bytes: 20)
        let configuration = configuration(folder.path, heldOut: 0.2)
        let reader = HeldOutReader(listing: try CorpusListing(configuration), tokenizer: ByteTokenizer())
        let heldOut = try reader.read(tokenBudget: 1 << 20, batchSize: 16)
        let heldOutTexts = try heldOut.batches.flatMap { try $0.segmentTexts() }
        #expect((150...250).contains(heldOutTexts.count))
        #expect(heldOut.documents == heldOutTexts.count && heldOut.scannedDocuments == 1000)
        #expect(heldOut.tokens == heldOut.batches.reduce(0) { $0 + $1.tokenCount })
        #expect(heldOut.batches.dropLast().allSatisfy { $0.sequenceCount == 16 })

        var training: Set<String> = []
        for seed in [1, 2] as [UInt64] {
            let loader = try CorpusLoader(
                configuration: configuration, tokenizer: ByteTokenizer(), seed: seed, batchSize: 8)
            while true {
                let loaded = try loader.next()
                training.formUnion(try loaded.batch.segmentTexts())
                guard loaded.epochs[0] > 1 else { continue }
                var open = TokenBatch()
                for sequence in loaded.stateAfter.openSequences { open.append(sequence) }
                training.formUnion(try open.segmentTexts())
                break
            }
        }
        #expect(training.isDisjoint(with: heldOutTexts))
        #expect(training.count + heldOutTexts.count == 1000)
    }

    @Test func equalDocumentsAreOnTheSameSideInEveryFormat() throws {
        let folder = try TemporaryFolder()
        var generator = SplitMix64(seed: 30)
        let texts = (0..<300).map { generator.document($0, bytes: 50).split(separator: "\n").joined(separator: "\n") }
        let plain = try folder.write(texts.joined(separator: "\r\n\r\n"), to: "a.txt")
        let lines = try folder.write(
            texts.reversed().map { try jsonLine("\n" + $0 + " ") }.joined(separator: "\n"), to: "b.jsonl")
        let a = try pieces(configuration(plain, heldOut: 0.5))
        let b = try pieces(configuration(lines, heldOut: 0.5))
        #expect(a.texts == b.texts.reversed() && a.heldOut == b.heldOut.reversed())
        // A larger share holds out all that a smaller one does.
        let c = try pieces(configuration(plain, heldOut: 0.25))
        #expect(zip(a.heldOut, c.heldOut).allSatisfy { $0 || !$1 })
    }

    /// Which documents are held out belongs to what a corpus means; it may never change.
    @Test func theSplitIsPermanent() {
        let heldOut = (0..<40).filter { number in
            Array("document \(number)".utf8).withUnsafeBytes { HeldOutSplit(fraction: 0.2).isHeldOut($0) }
        }
        #expect(heldOut == Self.goldenSplit)
    }

    @Test func testDocumentsAreCutOutOfTrainingAlone() throws {
        let folder = try TemporaryFolder()
        try write(folder, "a", documents: 2000, bytes: 100)
        func texts(_ selection: HeldOutReader.Selection, test: Double) throws -> Set<String> {
            let listing = try CorpusListing(configuration(folder.path, heldOut: 0.1) { $0.test = test })
            let collection = try HeldOutReader(
                listing: listing, tokenizer: ByteTokenizer(), selection: selection
            ).read(tokenBudget: .max, batchSize: 8)
            return Set(try collection.batches.flatMap { try $0.segmentTexts() })
        }
        func training(test: Double) throws -> Set<String> {
            let found = try pieces(configuration(folder.path, heldOut: 0.1) { $0.test = test })
            return Set(zip(found.texts, found.heldOut).filter { !$1 }.map(\.0))
        }
        let (heldOut, test) = (try texts(.heldOut, test: 0.2), try texts(.test, test: 0.2))
        #expect(heldOut == (try texts(.heldOut, test: 0)) && heldOut.isDisjoint(with: test))
        // Of 2,000 documents a fifth, within four standard deviations of 18.
        #expect((328...472).contains(test.count))
        let all = try training(test: 0)
        #expect(try training(test: 0.2) == all.subtracting(test) && all.isSuperset(of: test))
        // A larger share keeps what a smaller one has.
        #expect(try texts(.test, test: 0.1).isSubset(of: test))
        let error = #expect(throws: CorpusError.self) { _ = try texts(.test, test: 0) }
        #expect(error?.description.contains("corpus.test is 0") == true)
        // What is held out does not depend on the test's share.
        for fraction in [0.0, 0.2] {
            let split = HeldOutSplit(fraction: 0.1, testFraction: fraction)
            for number in 0..<200 {
                Array("document \(number)".utf8).withUnsafeBytes { text in
                    let before = HeldOutSplit(fraction: 0.1).isHeldOut(text)
                    #expect(split.isHeldOut(text) == before && (split.side(of: text) == .heldOut) == before)
                }
            }
        }
        #expect(throws: (any Error).self) {
            try configuration(folder.path, heldOut: 0.3) { $0.test = 0.3 }.validate()
        }
    }

    private static let goldenSplit = [6, 8, 15, 24]

    @Test func sourcesContributeByWeightAndNoMoreIsReadThanNeeded() throws {
        let folder = try TemporaryFolder()
        try write(folder, "a", documents: 5000, bytes: 100, tag: "a")
        try write(folder, "b", documents: 5000, bytes: 100, tag: "b")
        var configuration = CorpusConfiguration()
        configuration.heldOut = 0.1
        configuration.sources = [
            CorpusSource(path: folder.path + "/a", weight: 1), CorpusSource(path: folder.path + "/b", weight: 3),
        ]
        let listing = try CorpusListing(configuration)
        let reader = HeldOutReader(listing: listing, tokenizer: ByteTokenizer())
        let collection = try reader.read(tokenBudget: 20_000, batchSize: 4)
        #expect((20_000..<20_300).contains(collection.tokens))
        let texts = try collection.batches.flatMap { try $0.segmentTexts() }
        let share = Double(texts.count { $0.hasPrefix("a") }) / Double(texts.count)
        #expect(abs(share - 0.25) < 0.02)
        #expect(collection.scannedBytes < listing.bytes / 2)
        #expect(try reader.read(tokenBudget: 20_000, batchSize: 4).batches == collection.batches)
    }

    @Test func oneLongDocumentDoesNotStandForAll() throws {
        let folder = try TemporaryFolder()
        let long = String(repeating: "long ", count: 20_000)
        let short = (0..<400).map { "short \($0)" }
        let path = try folder.write(([long] + short).joined(separator: "\n\n"), to: "a.txt")
        let listing = try CorpusListing(configuration(path))
        let reader = HeldOutReader(listing: listing, tokenizer: ByteTokenizer(), selection: .all)
        let small = try reader.read(tokenBudget: 6500, batchSize: 8)
        #expect(try small.batches.flatMap { try $0.segmentTexts() }.count { $0.hasPrefix("short") } == 400)
        #expect(small.tokens >= 6498)
        // With a budget above what there is, everything is used.
        let all = try reader.read(tokenBudget: .max, batchSize: 8)
        #expect(try all.batches.flatMap { try $0.segmentTexts() }.joined().utf8.count >= long.utf8.count - 1)
        #expect(all.documents == 401)
    }

    /// Ten megabytes in one file, whose documents are numbered from its beginning on.
    private func writeLargeFile(_ folder: TemporaryFolder, _ name: String) throws -> String {
        let text = (0..<20_000).map { "#\($0) " + String(repeating: "word ", count: 100 + $0 % 7) + "end" }
        if name.hasSuffix(".jsonl") {
            return try folder.write(text.map { try jsonLine($0) }.joined(separator: "\n"), to: name)
        }
        return try folder.write(text.joined(separator: "\n\n"), to: name)
    }

    private func numbers(_ collection: HeldOutReader.Collection) throws -> [Int] {
        try collection.batches.flatMap { try $0.segmentTexts() }.compactMap {
            $0.hasPrefix("#") ? Int($0.dropFirst().prefix { $0.isNumber }) : nil
        }
    }

    @Test(
        "A large file is drawn from all over, and more of it holds what less of it did",
        arguments: ["a.txt", "a.jsonl"])
    func largeFiles(name: String) throws {
        let folder = try TemporaryFolder()
        var settings = configuration(try writeLargeFile(folder, name), heldOut: 0.05)
        settings.sequenceLength = 600
        let reader = HeldOutReader(listing: try CorpusListing(settings), tokenizer: ByteTokenizer())
        let few = try numbers(try reader.read(tokenBudget: 20_000, batchSize: 4))
        #expect(few.count >= 30)
        // Ten or eleven places give three or four each.
        for place in 0..<10 {
            #expect((1...8).contains(few.count { $0 / 2000 == place }), "\(place)")
        }
        let more = try numbers(try reader.read(tokenBudget: 90_000, batchSize: 4))
        #expect(more.count > 3 * few.count)
        // The last one may have been cut.
        #expect(few.count { !more.contains($0) } <= 1)
    }

    @Test("All of a large file, each document once", arguments: ["a.txt", "a.jsonl"])
    func allOfALargeFile(name: String) throws {
        let folder = try TemporaryFolder()
        var settings = configuration(try writeLargeFile(folder, name))
        settings.sequenceLength = 600
        let collection = try HeldOutReader(
            listing: try CorpusListing(settings), tokenizer: ByteTokenizer(), selection: .all
        ).read(tokenBudget: .max, batchSize: 16)
        #expect(try numbers(collection).sorted() == Array(0..<20_000))
        #expect(collection.documents == 20_000 && collection.scannedDocuments == 20_000)
    }

    @Test func aShareThatIsEmptyIsAnError() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("one\n\ntwo", to: "a.txt")
        let reader = HeldOutReader(
            listing: try CorpusListing(configuration(path, heldOut: 0.001)), tokenizer: ByteTokenizer())
        let error = #expect(throws: CorpusError.self) { try reader.read(tokenBudget: 100, batchSize: 1) }
        #expect(
            error == .noHeldOutDocuments(setting: "held_out", fraction: 0.001, scannedDocuments: 2, scannedBytes: 8))
        #expect("\(try #require(error))".contains("set corpus.held_out_unit to piece"))
    }

    @Test func scanningStopsAtItsLimit() throws {
        let folder = try TemporaryFolder()
        try write(folder, "a", documents: 20_000, bytes: 1000)
        let listing = try CorpusListing(configuration(folder.path, heldOut: 0.02))
        let reader = HeldOutReader(listing: listing, tokenizer: ByteTokenizer())
        let collection = try reader.read(tokenBudget: 1 << 30, batchSize: 8, scanLimit: 10 << 20)
        #expect(collection.scannedBytes <= 11 << 20)
        // Every file has been looked into.
        let numbers = try collection.batches.flatMap { try $0.segmentTexts() }.compactMap {
            $0.hasPrefix("#") ? Int($0.dropFirst().prefix { $0.isNumber }) : nil
        }
        #expect(Set(numbers.map { $0 / 2000 }).count == 10)
    }
}

@Suite struct CorpusSamplerTests {
    private func sample(
        _ configuration: CorpusConfiguration, limit: Int, seed: UInt64 = 1
    ) throws -> (texts: [String], summary: CorpusSampler.Summary) {
        var texts: [String] = []
        let summary = try CorpusSampler(listing: try CorpusListing(configuration), seed: seed)
            .sampleDocuments(limitBytes: limit) { texts.append(String(decoding: $0, as: UTF8.self)) }
        return (texts, summary)
    }

    @Test func aLargeLimitGivesEveryTrainingDocument() throws {
        let folder = try TemporaryFolder()
        let documents = (0..<500).map { "document \($0)" }
        try folder.write(documents[..<250].joined(separator: "\n\n"), to: "a.txt")
        try folder.write(
            Archive.gzip.pack(Array(try documents[250...].map { try jsonLine($0) }.joined(separator: "\n").utf8)),
            to: "b.jsonl.gz")
        #expect(try sample(configuration(folder.path), limit: 1 << 20).texts.sorted() == documents.sorted())
        let configuration = configuration(folder.path, heldOut: 0.2)
        let all = try pieces(configuration)
        let training = zip(all.texts, all.heldOut).filter { !$0.1 }.map(\.0)
        #expect(try sample(configuration, limit: 1 << 20).texts.sorted() == training.sorted())
    }

    @Test(
        "Documents longer than a part of the sample give as much as others",
        arguments: [300_000, 1_000_000, 20_000_000])
    func longDocuments(bytes: Int) throws {
        let folder = try TemporaryFolder()
        var document = 0
        var text = ""
        while text.utf8.count < 20_000_000 {
            text += "document \(document)\n"
            let line = "a line of document \(document), and no more\n"
            text += String(repeating: line, count: bytes / line.utf8.count) + "\n"
            document += 1
        }
        try folder.write(text, to: "long.txt")
        for limit in [1 << 20, 4 << 20] {
            let (texts, summary) = try sample(configuration(folder.path), limit: limit)
            #expect(summary.bytes <= limit && summary.bytes > limit * 8 / 10, "\(summary)")
            #expect(texts.contains { $0.hasPrefix("document ") })
        }
    }

    @Test(arguments: [CorpusFormat.text, .jsonl])
    func aSampleIsSpreadOverFilesAndWholeDocuments(format: CorpusFormat) throws {
        let folder = try TemporaryFolder()
        for file in 0..<4 {
            let documents = (0..<30_000).map { "\(file)-\($0) " + String(repeating: "w", count: 90) + " end" }
            try folder.write(
                format == .text
                    ? documents.joined(separator: "\n\n")
                    : documents.map { "{\"text\": \"\($0)\"}" }.joined(separator: "\n"),
                to: "\(file)." + (format == .text ? "txt" : "jsonl"))
        }
        let configuration = configuration(folder.path, heldOut: 0.01)
        let limit = 2_000_000
        let (texts, summary) = try sample(configuration, limit: limit)
        #expect(summary.bytes <= limit && summary.bytes > limit * 9 / 10)
        #expect(summary.documents == texts.count)
        #expect(Set(texts).count == texts.count)
        // All but the last, which the limit may cut, are whole.
        #expect(texts.dropLast().allSatisfy { $0.hasSuffix(" end") && $0.dropFirst(1).hasPrefix("-") })
        for file in 0..<4 {
            let numbers = texts.filter { $0.hasPrefix("\(file)-") }.compactMap {
                Int($0.dropFirst(2).prefix { $0.isNumber })
            }
            #expect(numbers.count > texts.count / 8, "file \(file)")
            // From its beginning to its end.
            #expect(numbers.contains { $0 < 10_000 } && numbers.contains { $0 > 20_000 }, "file \(file)")
        }
        #expect(try sample(configuration, limit: limit).texts == texts)
        #expect(try sample(configuration, limit: limit, seed: 2).texts != texts)
        let heldOut = try pieces(configuration)
        let forbidden = Set(zip(heldOut.texts, heldOut.heldOut).filter(\.1).map(\.0))
        #expect(!forbidden.isEmpty && forbidden.isDisjoint(with: texts))
    }

    @Test func sourcesAreSampledByWeightAndSmallOnesLeaveTheirShare() throws {
        let folder = try TemporaryFolder()
        for (name, count) in [("a", 20_000), ("b", 20_000), ("c", 100)] {
            try folder.write(
                (0..<count).map { "\(name) \($0) " + String(repeating: "w", count: 90) }.joined(separator: "\n\n"),
                to: "\(name)/x.txt")
        }
        var configuration = CorpusConfiguration()
        configuration.heldOut = 0
        configuration.sources = [("a", 1.0), ("b", 3.0), ("c", 4.0)].map {
            CorpusSource(path: folder.path + "/" + $0.0, weight: $0.1)
        }
        let (texts, summary) = try sample(configuration, limit: 1_000_000)
        #expect(summary.bytes > 950_000 && summary.bytes <= 1_000_000)
        #expect(texts.count { $0.hasPrefix("c") } == 100)
        let share = Double(texts.count { $0.hasPrefix("a") }) / Double(texts.count { !$0.hasPrefix("c") })
        #expect(abs(share - 0.25) < 0.02)
    }

    @Test func nothingToSampleIsAnError() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("  \n ", to: "a.txt")
        #expect(throws: CorpusError.self) { try sample(configuration(path), limit: 100) }
    }
}
