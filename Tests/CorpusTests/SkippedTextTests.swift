import Corpus
import Foundation
import TestSupport
import Testing

@Suite struct SkippedTextTests {
    private let folder = try! TemporaryFolder()

    private func lines(_ count: Int, bad: (Int) -> Bool) throws -> String {
        try (0..<count).map { bad($0) ? "{\"content\": \"\($0)\"}\n" : try jsonLine("good \($0)") + "\n" }.joined()
    }

    private func loader(_ configuration: CorpusConfiguration, from state: LoaderState? = nil) throws -> CorpusLoader {
        try CorpusLoader(
            configuration: configuration, tokenizer: ByteTokenizer(), seed: 1, batchSize: 1, resumingFrom: state)
    }

    private func expectTooMuch(
        rows: Int, unusable: Int, isWhole: Bool = true, _ body: () throws -> Void,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: CorpusError.self, sourceLocation: sourceLocation) { try body() }
        guard case .tooMuchSkipped(0, _, rows, unusable, _, let warnings) = error else {
            Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
            return
        }
        #expect(!isWhole || warnings.contains { $0.contains(": \(unusable), first: ") }, "\(warnings)")
    }

    @Test func aFileOfWhichHardlyARowIsUsableIsAnErrorToEveryReader() throws {
        let path = try folder.write(try lines(200) { $0 != 117 }, to: "a.jsonl")
        let settings = configuration(path)
        expectTooMuch(rows: 200, unusable: 199) { _ = try loader(settings).next() }
        expectTooMuch(rows: 200, unusable: 199) {
            try CorpusSampler(listing: CorpusListing(settings), seed: 0).sampleDocuments(limitBytes: 1 << 60) { _ in }
        }
        expectTooMuch(rows: 200, unusable: 199) {
            _ = try HeldOutReader(listing: CorpusListing(settings), tokenizer: ByteTokenizer(), selection: .all)
                .read(tokenBudget: 1 << 20, batchSize: 4)
        }
        let allowed = configuration(path) { $0.maximumSkippedFraction = 1 }
        let summary = try CorpusSampler(listing: CorpusListing(allowed), seed: 0)
            .sampleDocuments(limitBytes: 1 << 60) { _ in }
        #expect(summary.documents == 1 && summary.report.counts == [.missingField: 199])
        let first = try #require(summary.report.entries.first)
        #expect(first.example?.hasPrefix("\(path):1: no text in member \"text\"") == true)
        #expect(first.example?.contains("(fields: content)") == true)
    }

    @Test func theShareThatIsAllowedIsCountedAndShown() throws {
        let path = try folder.write(try lines(200) { $0 % 20 == 3 }, to: "a.jsonl")
        let loader = try loader(configuration(path))
        var last: LoadedBatch?
        while (last?.epochs[0] ?? 0) < 3 { last = try loader.next() }
        #expect(try #require(last).report.counts == [.missingField: 10])
        let other = try folder.write(try lines(200) { $0 % 20 == 3 || $0 == 0 }, to: "b.jsonl")
        expectTooMuch(rows: 200, unusable: 11) { _ = try self.loader(configuration(other)).next() }
    }

    /// As where a stage of a run begins: counts go on, and nothing is told twice.
    @Test func aLoaderThatGoesOnInTheSameRunCountsFromThere() throws {
        try folder.write(try lines(60) { $0 % 9 == 3 }, to: "0/a.jsonl")
        try folder.write("one\u{FFFD}\n\n\0\n\ntwo".utf8.map { $0 == 0 ? 0xFF : $0 }, to: "1/b.txt")
        try folder.write("", to: "1/c.txt")
        let settings = configuration("\(folder.path)/0") {
            $0.sources.append(CorpusSource(path: "\(folder.path)/1", weight: 0.2))
            $0.maximumSkippedFraction = 1
            $0.shuffleDocuments = 7
        }
        let listing = try CorpusListing(settings)
        func loader(after batch: LoadedBatch?) throws -> CorpusLoader {
            try CorpusLoader(
                listing: listing, tokenizer: ByteTokenizer(), seed: 1, batchSize: 2,
                resumingFrom: batch?.stateAfter, history: batch?.history)
        }
        let whole = try loader(after: nil)
        let batches = try (0..<40).map { _ in try whole.next() }
        #expect(batches[39].epochs[0] >= 2 && batches[39].report.counts.count >= 3, "\(batches[39].report.counts)")
        for cut in [0, 1, 5, 12, 20, 33] {
            let second = try loader(after: batches[cut])
            for batch in batches[(cut + 1)...] {
                let loaded = try second.next()
                #expect(loaded.report == batch.report && loaded.newWarnings == batch.newWarnings, "\(cut)")
                #expect(loaded.stateAfter == batch.stateAfter)
            }
        }
    }

    /// Several hundred rows are no reason to stop a corpus of many, several thousand are, before all is read.
    @Test func aBadBeginningIsForgivenALongOneIsNot() throws {
        let forgiven = try folder.write(try lines(12_000) { $0 < 500 }, to: "a.jsonl")
        let loader = try loader(configuration(forgiven) { $0.shuffleDocuments = 50 })
        var batches = 0
        while try loader.next().epochs[0] == 0 { batches += 1 }
        #expect(batches > 900)
        loader.stop()
        let bad = try folder.write(try lines(60_000) { $0 % 2 == 0 }, to: "b.jsonl")
        let reading = try self.loader(configuration(bad) { $0.shuffleDocuments = 50 })
        expectTooMuch(rows: 10_001, unusable: 5001) { while true { _ = try reading.next() } }
    }

    /// The count is part of the state: an interruption neither forgives nor repeats rows.
    @Test func theCountGoesOnAfterAResume() throws {
        let path = try folder.write(try lines(2000) { $0 < 150 }, to: "a.jsonl")
        let settings = configuration(path) { $0.shuffleDocuments = 20 }
        let first = try loader(settings)
        let state = try first.next().stateAfter
        var reached = state
        while reached.sources[0].window.tally.rows < 1000 { reached = try first.next().stateAfter }
        first.stop()
        let saved = try JSONDecoder().decode(LoaderState.self, from: JSONEncoder().encode(reached))
        #expect(saved == reached && saved.sources[0].window.tally.unusable == 150)
        let resumed = try loader(settings, from: saved)
        expectTooMuch(rows: 2000, unusable: 150, isWhole: false) { while true { _ = try resumed.next() } }
    }

    /// A state of before rows were counted is still read.
    @Test func statesWithoutACountAreRead() throws {
        let path = try folder.write(try lines(300) { _ in false }, to: "a.jsonl")
        let loader = try loader(configuration(path) { $0.shuffleDocuments = 20 })
        for _ in 0..<10 { _ = try loader.next() }
        let state = try loader.next().stateAfter
        var text = String(decoding: try JSONEncoder().encode(state), as: UTF8.self)
        text = text.replacing(#/,?"tally":\{[^}]*\},?/#, with: ",").replacing(#/,?"isInArray":false,?/#, with: ",")
            .replacing("{,", with: "{").replacing(",}", with: "}")
        #expect(!text.contains("tally") && !text.contains("isInArray"))
        let read = try JSONDecoder().decode(LoaderState.self, from: Data(text.utf8))
        let resumed = try self.loader(configuration(path) { $0.shuffleDocuments = 20 }, from: read)
        #expect(try resumed.next().batch == loader.next().batch)
    }

    @Test func textOfAnotherEncodingIsAnError() throws {
        let sentence = "Der Müller und seine drei Freunde tragen an jedem Abend die alten Steine wieder zum Fluss"
            .unicodeScalars.map { UInt8($0.value) }
        let path = try folder.write((0..<40).flatMap { _ in sentence + Array("\n\n".utf8) }, to: "a.txt")
        let error = #expect(throws: CorpusError.self) { try loader(configuration(path)).next() }
        guard case .tooMuchSkipped(0, path, 40, 40, 0.05, _) = error else { throw try #require(error) }
        // One byte in much text is none.
        let text = Array(String(repeating: "quite sound ", count: 20).utf8)
        let sound = try folder.write(text + [0xE4] + text, to: "b.txt")
        #expect(
            try loader(configuration(sound)).next().report.counts
                == [.invalidUTF8: 1, .smallerThanBatch: 0]
                .filter { $0.value > 0 })
    }

    @Test func emptyAndDividedDocumentsAreRemarksWithAPlace() throws {
        let path = try folder.write(
            "{\"text\": \"\"}\n{\"text\": \"\(String(repeating: "word ", count: 500))\"}\n{\"text\": \" \"}\n",
            to: "a.jsonl")
        let loader = try loader(configuration(path) { $0.maximumDocumentBytes = 1024 })
        let loaded = try loader.next()
        #expect(loaded.newWarnings.isEmpty)
        #expect(loaded.report.counts == [.emptyDocument: 2, .dividedDocument: 1])
        #expect(loaded.report.entries.map { $0.example?.hasPrefix("\(path):") } == [true, true])
    }

    @Test func whatAFolderHoldsBesideTheCorpusIsMentioned() throws {
        try folder.write("text", to: "corpus/a.txt")
        for name in ["b.md", "c.MD", "sub/d.csv.gz", "sub/LICENSE", ".hidden", ".part.txt"] {
            try folder.write("x", to: "corpus/\(name)")
        }
        #expect(mkfifo(folder.path + "/corpus/pipe.txt", 0o600) == 0)
        let report = try CorpusListing(configuration(folder.path + "/corpus")).report
        #expect(report.counts == [.otherFile: 5, .notAFile: 1])
        let other = report.entries.first { $0.kind == .otherFile }?.example ?? ""
        #expect(
            other.contains("5 files of other kinds passed over: 2 .md, 1 .csv.gz, 1 hidden, 1 without an ending"),
            "\(other)")
        #expect(report.examples.first { $0.kind == .notAFile }?.path.hasSuffix("pipe.txt") == true)
        try folder.write("x", to: "other/a.docx")
        let error = #expect(throws: CorpusError.self) { try CorpusListing(configuration(folder.path + "/other")) }
        #expect("\(try #require(error))".contains("1 .docx"))
    }
}
