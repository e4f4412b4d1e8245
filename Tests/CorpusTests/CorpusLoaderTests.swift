import Corpus
import Foundation
import TestSupport
import Testing

@Suite struct CorpusLoaderTests {
    /// Documents of one segment, each with its number.
    private func write(_ folder: TemporaryFolder, _ name: String, documents: Range<Int>, perFile: Int = 20) throws {
        for (file, start) in stride(from: documents.lowerBound, to: documents.upperBound, by: perFile).enumerated() {
            let numbers = start..<min(start + perFile, documents.upperBound)
            try folder.write(
                numbers.map { "#\($0) " + String(repeating: "x", count: $0 % 40) }.joined(separator: "\n\n"),
                to: "\(name)/\(file).txt")
        }
    }

    private func loader(
        _ configuration: CorpusConfiguration, seed: UInt64 = 1, batchSize: Int = 4, from state: LoaderState? = nil
    ) throws -> CorpusLoader {
        try CorpusLoader(
            configuration: configuration, tokenizer: ByteTokenizer(), seed: seed, batchSize: batchSize,
            resumingFrom: state)
    }

    private func number(_ text: String) throws -> Int {
        try #require(Int(text.dropFirst().prefix { $0.isNumber }), "\(text)")
    }

    @Test func everyTrainingDocumentComesOncePerEpoch() throws {
        let folder = try TemporaryFolder()
        try write(folder, "a", documents: 0..<500)
        for window in [1, 7, 100, 1000] {
            let configuration = configuration(folder.path, heldOut: 0.1) { $0.shuffleDocuments = window }
            let loader = try loader(configuration)
            var counts = Array(repeating: 0, count: 500)
            var order: [Int] = []
            var last: LoaderState?
            while (last?.sources[0].epoch ?? 0) < 3 {
                let loaded = try loader.next()
                for text in try loaded.batch.segmentTexts() { order.append(try number(text)) }
                last = loaded.stateAfter
            }
            let state = try #require(last)
            var open = TokenBatch()
            for sequence in state.openSequences { open.append(sequence) }
            for text in try open.segmentTexts() { order.append(try number(text)) }
            for number in order { counts[number] += 1 }
            let training = counts.count { $0 > 0 }
            #expect((400...490).contains(training))
            #expect(state.sources[0].documents >= Int64(order.count))
            // Three complete epochs and a part of the fourth.
            #expect(counts.allSatisfy { $0 == 0 || $0 == 3 || $0 == 4 })
            #expect(counts.count { $0 == 4 } < training)
            #expect(order.count == 3 * training + counts.count { $0 == 4 })
            #expect((3 * (500 - training)...4 * (500 - training)).contains(Int(state.sources[0].heldOutDocuments)))
            // Shuffled: neither in file order nor in the same order twice.
            #expect(order != order.sorted())
            if window > 1 { #expect(order[..<training].elementsEqual(order[training..<2 * training]) == false) }
            loader.stop()
        }
    }

    /// The parts of a long document are spread over the window, and each comes once.
    @Test func longDocumentsAreSpread() throws {
        let folder = try TemporaryFolder()
        let documents = (0..<20).map { number in
            (0..<300).map { "<\(number):\($0)>" }.joined(separator: " ")
        }
        let path = try folder.write(documents.joined(separator: "\n\n"), to: "a.txt")
        let loader = try loader(configuration(path) { $0.sequenceLength = 64 }, batchSize: 8)
        var text: [String] = []
        var documentsInBatch: [Int] = []
        var bytes = 0
        while true {
            let loaded = try loader.next()
            if loaded.stateAfter.sources[0].epoch > 0 { break }
            let segments = try loaded.batch.segmentTexts()
            documentsInBatch.append(
                Set(segments.compactMap { $0.split(separator: "<").last?.split(separator: ":").first }).count)
            text += segments
            bytes += segments.reduce(0) { $0 + $1.utf8.count }
        }
        #expect(Set(text).count == text.count)
        #expect(bytes > documents.joined().utf8.count - 8 * 62 - SequencePacker.openLimit * 62)
        let mean = Double(documentsInBatch.reduce(0, +)) / Double(documentsInBatch.count)
        #expect(mean > 5.5)
    }

    @Test func orderDependsOnTheSeedAndNotOnTheBatchSize() throws {
        let folder = try TemporaryFolder()
        try write(folder, "a", documents: 0..<300)
        func sequences(seed: UInt64, batchSize: Int) throws -> [[Int32]] {
            let loader = try loader(configuration(folder.path), seed: seed, batchSize: batchSize)
            var sequences: [[Int32]] = []
            while sequences.count < 60 {
                let batch = try loader.next().batch
                #expect(batch.sequenceCount == batchSize)
                for (start, end) in zip(batch.sequenceOffsets, batch.sequenceOffsets.dropFirst()) {
                    sequences.append(Array(batch.tokens[start..<end]))
                }
            }
            return Array(sequences[..<60])
        }
        let first = try sequences(seed: 1, batchSize: 4)
        #expect(try sequences(seed: 1, batchSize: 4) == first)
        #expect(try sequences(seed: 1, batchSize: 15) == first)
        #expect(try sequences(seed: 2, batchSize: 4) != first)
        #expect(try sequences(seed: 1 << 40 | 1, batchSize: 4) != first)
    }

    @Test func weightsAreSharesOfTokens() throws {
        let folder = try TemporaryFolder()
        try write(folder, "a", documents: 0..<100)
        try write(folder, "b", documents: 1000..<1300)
        try write(folder, "c", documents: 2000..<2020)
        var configuration = CorpusConfiguration()
        configuration.heldOut = 0
        configuration.sources = [("a", 1.0), ("b", 2.0), ("c", 5.0)].map {
            CorpusSource(path: folder.path + "/" + $0.0, weight: $0.1)
        }
        let loader = try loader(configuration, batchSize: 16)
        var tokens = [0, 0, 0]
        var last: LoadedBatch?
        for _ in 0..<60 {
            let loaded = try loader.next()
            for text in try loaded.batch.segmentTexts() { tokens[try number(text) / 1000] += text.utf8.count + 2 }
            last = loaded
        }
        let total = Double(tokens.reduce(0, +))
        for (count, share) in zip(tokens, [0.125, 0.25, 0.625]) { #expect(abs(Double(count) / total - share) < 0.01) }
        let epochs = try #require(last).epochs
        #expect(epochs[2] > epochs[1] && epochs[2] > 10)
    }

    /// The order belongs to what a seed means: if this fails, `LoaderState.currentVersion` has to be raised.
    @Test func orderStaysTheSameAcrossVersions() throws {
        let folder = try TemporaryFolder()
        try write(folder, "a", documents: 0..<40, perFile: 7)
        let loader = try loader(
            configuration(folder.path, heldOut: 0.1) { $0.shuffleDocuments = 16 }, seed: 2003, batchSize: 1)
        var order: [Int] = []
        while order.count < 40 {
            for text in try loader.next().batch.segmentTexts() { order.append(try number(text)) }
        }
        #expect(order == Self.goldenOrder)
    }

    private static let goldenOrder = [
        39, 35, 25, 0, 2, 36, 38, 23, 8, 33, 29, 4, 2, 20, 1, 1, 29, 30, 14, 20, 0, 2, 31, 34, 15, 24, 29, 30, 38, 8,
        37, 27, 22, 18, 35,
        36, 16, 17, 26, 21, 15, 34, 3,
    ]

    @Test func corpusSmallerThanABatchIsRepeatedWithOneWarning() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("one\n\ntwo\n\nthree", to: "a.txt")
        let loader = try loader(configuration(path) { $0.sequenceLength = 16 }, batchSize: 32)
        var warnings: [CorpusWarning.Kind] = []
        var epoch = 0
        for _ in 0..<5 {
            let loaded = try loader.next()
            #expect(loaded.batch.sequenceCount == 32)
            #expect(loaded.epochs[0] > epoch + 10)
            epoch = loaded.epochs[0]
            warnings += loaded.newWarnings.map(\.kind)
        }
        #expect(warnings == [.smallerThanBatch])
    }

    @Test func warningsComeOnce() throws {
        let folder = try TemporaryFolder()
        let bad = (0..<20).map { "bad line \($0)\n" }.joined()
        let path = try folder.write(bad + "{\"text\": \"good\"}\n", to: "a.jsonl")
        try folder.write("", to: "b.jsonl")
        let loader = try loader(configuration(folder.path) { $0.maximumSkippedFraction = 1 }, batchSize: 1)
        var warnings: [CorpusWarning] = []
        var last: LoadedBatch?
        for _ in 0..<20 {
            let loaded = try loader.next()
            warnings += loaded.newWarnings
            last = loaded
        }
        #expect(try #require(last).epochs[0] > 10)
        let malformed = Array(repeating: CorpusWarning.Kind.malformedLine, count: CorpusReport.exampleLimit)
        #expect(warnings.map(\.kind) == [.emptyFile] + malformed + [.smallerThanBatch])
        #expect(warnings[1...5].map(\.line) == [1, 2, 3, 4, 5] && warnings[1...5].allSatisfy { $0.path == path })
        #expect(try #require(last).report.counts == [.emptyFile: 1, .malformedLine: 20, .smallerThanBatch: 1])
    }

    @Test func memoryIsBoundedByTwoWindows() throws {
        let folder = try TemporaryFolder()
        var generator = SplitMix64(seed: 20)
        let text = Array((0..<15_000).map { generator.document($0, bytes: 400) }.joined(separator: "\n\n").utf8)
        try folder.write(text, to: "a.txt")
        try folder.write(Archive.gzip.pack(text), to: "b.txt.gz")
        let loader = try loader(configuration(folder.path) { $0.shuffleBytes = 1 << 20 }, batchSize: 512)
        while try loader.next().epochs[0] == 0 {}
        // Two windows, whose memory grows by doubling, and the buffer of one file.
        #expect(loader.peakBufferedBytes <= 2 * (2 << 20) + (2 << 20))
        #expect(loader.peakBufferedBytes >= 2 << 20)
    }

    @Test func stopEndsAtOnce() throws {
        let folder = try TemporaryFolder()
        try write(folder, "a", documents: 0..<300)
        for batches in 0..<8 {
            let loader = try loader(configuration(folder.path))
            for _ in 0..<batches { _ = try loader.next() }
            loader.stop()
            #expect(throws: CorpusError.stopped) { try loader.next() }
            loader.stop()
        }
        // Without `stop`, the threads end with the loader.
        for _ in 0..<20 { _ = try loader(configuration(folder.path)).next() }
    }

    @Test func batchesBeforeAnErrorComeFirst() throws {
        let folder = try TemporaryFolder()
        var generator = SplitMix64(seed: 21)
        let text = Array((0..<3000).map { generator.document($0, bytes: 100) }.joined(separator: "\n\n").utf8)
        let path = try folder.write(Archive.gzip.pack(text).dropLast(3000), to: "a.gz")
        let loader = try loader(configuration(path) { $0.shuffleDocuments = 10 })
        var batches = 0
        let error = #expect(throws: CorpusError.self) {
            while true { batches += try loader.next().batch.sequenceCount }
        }
        guard case .damagedArchive(path, _, _) = error else { throw try #require(error) }
        #expect(batches > 100)
    }
}
