import Corpus
import Foundation
import TestSupport
import Testing

@Suite struct ResumeTests {
    /// A corpus of one to three sources of random form, with settings that make windows, epochs and pieces short.
    private func randomCorpus(
        _ folder: TemporaryFolder, _ generator: inout SplitMix64
    ) throws -> CorpusConfiguration {
        var configuration = CorpusConfiguration()
        configuration.heldOut = generator.pick([0, 0.1, 0.4])
        configuration.sequenceLength = generator.pick([8, 32, 100])
        configuration.shuffleDocuments = generator.pick([1, 2, 7, 50])
        configuration.interleaveDocuments = generator.pick([1, 3, 64])
        configuration.maximumDocumentBytes = 1024
        for source in 0..<Int.random(in: 1...3, using: &generator) {
            let format = generator.pick([CorpusFormat.text, .jsonl])
            for file in 0..<Int.random(in: 1...4, using: &generator) {
                let documents = (0..<Int.random(in: 4...20, using: &generator)).map { number in
                    generator.document(number + 100 * file, bytes: generator.pick([1, 20, 60, 300, 4000]))
                }
                let content =
                    format == .text
                    ? documents.joined(separator: "\n\n")
                    : try documents.map { try jsonLine($0) }.joined(separator: "\n")
                let archive = generator.pick(Archive.allCases)
                try folder.write(
                    archive.pack(Array(content.utf8), parts: 2),
                    to: "\(source)/\(file).\(format == .text ? "txt" : "jsonl")\(archive.rawValue)")
            }
            var entry = CorpusSource(path: "\(folder.path)/\(source)", weight: generator.pick([0.3, 1, 2.5]))
            entry.documentSeparator = generator.pick([.blankLine, .blankLine, .line, .file])
            configuration.sources.append(entry)
        }
        return configuration
    }

    @Test(arguments: 0..<16)
    func resumingAfterAnyBatchGivesTheSameBatches(seed: Int) throws {
        var generator = SplitMix64(seed: UInt64(seed))
        let folder = try TemporaryFolder()
        let configuration = try randomCorpus(folder, &generator)
        let batchSize = Int.random(in: 1...6, using: &generator)
        func load(_ state: LoaderState?) throws -> CorpusLoader {
            // Through the form that is saved.
            let state = try state.map { try JSONDecoder().decode(LoaderState.self, from: JSONEncoder().encode($0)) }
            return try CorpusLoader(
                configuration: configuration, tokenizer: ByteTokenizer(), seed: UInt64(seed), batchSize: batchSize,
                resumingFrom: state)
        }
        let whole: CorpusLoader
        do {
            whole = try load(nil)
            _ = try whole.next()
        } catch CorpusError.noTrainingDocuments {
            // By chance, every document of a source may be held out.
            return
        }
        whole.stop()
        let uninterrupted = try load(nil)
        var batches: [LoadedBatch] = []
        while batches.count < 400 {
            let loaded = try uninterrupted.next()
            batches.append(loaded)
            if loaded.epochs.allSatisfy({ $0 >= 3 }) && batches.count >= 40 { break }
        }
        for start in stride(from: 0, to: batches.count - 1, by: max(1, batches.count / 60)) {
            let resumed = try load(batches[start].stateAfter)
            for next in batches[(start + 1)...].prefix(4) {
                let loaded = try resumed.next()
                #expect(loaded.batch == next.batch, "batch \(start)")
                #expect(loaded.stateAfter == next.stateAfter, "batch \(start)")
            }
        }
        // Stopping after every single batch is the hardest case.
        var state: LoaderState?
        for next in batches.prefix(25) {
            let loaded = try load(state).next()
            #expect(loaded.batch == next.batch)
            state = loaded.stateAfter
        }
    }

    /// What is wrong with a line is counted with its first piece, wherever reading begins again.
    @Test func aDividedLineIsCountedOnce() throws {
        let folder = try TemporaryFolder()
        let text = Array(String(repeating: "word ", count: 1000).utf8)
        let line = Array("{\"text\": \"".utf8) + text + [UInt8](repeating: 0xFF, count: 20) + text
        let path = try folder.write(line + Array("\\udc00\"}\n{\"text\": \"short\"}\n".utf8), to: "a.jsonl")
        let settings = configuration(path) {
            $0.maximumDocumentBytes = 1024
            $0.shuffleDocuments = 2
            $0.sequenceLength = 100
            $0.maximumSkippedFraction = 1
        }
        func load(_ state: LoaderState?) throws -> CorpusLoader {
            try CorpusLoader(
                configuration: settings, tokenizer: ByteTokenizer(), seed: 1, batchSize: 4, resumingFrom: state)
        }
        let uninterrupted = try load(nil)
        var (state, isDivided, isCounted): (LoaderState?, Bool, Bool) = (nil, false, false)
        while (state?.sources[0].epoch ?? 0) < 2 {
            let next = try uninterrupted.next().stateAfter
            #expect(try load(state).next().stateAfter == next)
            state = next
            isDivided = isDivided || next.sources[0].window.position.piece > 0
            isCounted = isCounted || next.sources[0].window.tally.unusable > 0
        }
        #expect(isDivided && isCounted)
        // In two epochs, and in the first window of the third.
        let invalid = try #require(state).sources[0].invalidSequences
        #expect(invalid == 3 * 21)
    }

    private func saved() throws -> (TemporaryFolder, CorpusConfiguration, LoaderState) {
        let folder = try TemporaryFolder()
        var generator = SplitMix64(seed: 50)
        let text = (0..<200).map { generator.document($0, bytes: 300) }.joined(separator: "\n\n")
        let configuration = configuration(try folder.write(text, to: "a.txt"), heldOut: 0.1) {
            $0.shuffleDocuments = 20
        }
        let loader = try CorpusLoader(configuration: configuration, tokenizer: ByteTokenizer(), seed: 1, batchSize: 2)
        for _ in 0..<5 { _ = try loader.next() }
        return (folder, configuration, try loader.next().stateAfter)
    }

    @Test func settingsThatDecideTheOrderMustNotChange() throws {
        let (folder, configuration, state) = try saved()
        defer { withExtendedLifetime(folder) {} }
        func mismatch(_ seed: UInt64 = 1, _ change: (inout CorpusConfiguration) -> Void) -> String? {
            var changed = configuration
            change(&changed)
            do {
                _ = try CorpusLoader(
                    configuration: changed, tokenizer: ByteTokenizer(), seed: seed, batchSize: 2, resumingFrom: state)
                return nil
            } catch CorpusError.stateMismatch(let setting, _, _) {
                return setting
            } catch { return "\(error)" }
        }
        #expect(mismatch { _ in } == nil)
        #expect(mismatch(2) { _ in } == "seed")
        #expect(mismatch { $0.sequenceLength = 64 } == "sequence_length")
        #expect(mismatch { $0.heldOut = 0.2 } == "held_out")
        #expect(mismatch { $0.shuffleDocuments = 21 } == "shuffle_documents")
        #expect(mismatch { $0.sources[0].weight = 2 } == "sources[0].weight")
        #expect(mismatch { $0.sources.append($0.sources[0]) } == "sources.count")
        // What changes no order may change.
        #expect(mismatch { $0.strict = true } == nil)
        #expect(mismatch { $0.damagedFiles = .skip } == nil)
    }

    /// Whatever is in a checkpoint, the loader goes on or says what is wrong.
    @Test func damagedStatesAreErrors() throws {
        let (folder, configuration, state) = try saved()
        defer { withExtendedLifetime(folder) {} }
        let json = try JSONEncoder().encode(state)
        var generator = SplitMix64(seed: 51)
        let text = String(decoding: json, as: UTF8.self).map { String($0) }
        let digits = text.indices.filter { text[$0].first?.isNumber == true }
        var errors = 0
        for _ in 0..<300 {
            var damaged = text
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                damaged[generator.pick(digits)] = generator.pick(["0", "7", "-1", "99999", "9223372036854775807"])
            }
            do {
                let state = try JSONDecoder().decode(LoaderState.self, from: Data(damaged.joined().utf8))
                let loader = try CorpusLoader(
                    configuration: configuration, tokenizer: ByteTokenizer(), seed: 1, batchSize: 2, resumingFrom: state
                )
                for _ in 0..<3 { _ = try loader.next() }
            } catch {
                errors += 1
            }
        }
        #expect(errors > 50)
    }

    /// Bytes of a saved state, which must grow with neither the corpus nor the length of documents.
    @Test func statesAreSmall() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(String(repeating: "many words ", count: 1 << 20), to: "a.txt")
        let loader = try CorpusLoader(
            configuration: configuration(path), tokenizer: ByteTokenizer(), seed: 1, batchSize: 8)
        for _ in 0..<20 { #expect(try JSONEncoder().encode(loader.next().stateAfter).count < 64 << 10) }
    }

    @Test("Places that the text does not have end the loader with an error", .timeLimit(.minutes(1)))
    func impossiblePlaces() throws {
        let folder = try TemporaryFolder()
        try folder.write((0..<40).map { "{\"text\": \"document \($0)\"}\n" }.joined(), to: "a.jsonl")
        var configuration = CorpusConfiguration()
        configuration.sources = [CorpusSource(path: folder("a.jsonl"), weight: 1)]
        configuration.sequenceLength = 16
        configuration.heldOut = 0
        func load(_ state: LoaderState?) throws -> CorpusLoader {
            try CorpusLoader(
                configuration: configuration, tokenizer: ByteTokenizer(), seed: 0, batchSize: 2, resumingFrom: state)
        }
        let sound = try load(nil)
        let state = try sound.next().stateAfter
        sound.stop()
        #expect(!state.openSequences.isEmpty)
        for id: Int32 in [-1, 266, .max] {
            var bad = state
            bad.openSequences[0].tokens[0] = id
            #expect(throws: CorpusError.self) { _ = try load(bad) }
        }
        var bad = state
        bad.sources[0].window.position.piece = Int(UInt32.max) << 16
        let loader = try load(bad)
        defer { loader.stop() }
        let error = #expect(throws: CorpusError.self) { _ = try loader.next() }
        guard case .invalidState? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
