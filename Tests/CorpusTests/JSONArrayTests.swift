import Corpus
import Foundation
import TestSupport
import Testing

@Suite struct JSONArrayTests {
    private let folder = try! TemporaryFolder()

    private func objects(_ count: Int, bytes: Int = 60) -> (texts: [String], objects: [[String: Any]]) {
        var generator = SplitMix64(seed: 61)
        let texts = (0..<count).map { "#\($0) [\"]},{\\ \n" + generator.document($0, bytes: bytes) }
        let objects = texts.enumerated().map { number, text -> [String: Any] in
            ["id": number, "meta": ["tags": ["a]", "b}"], "more": [["x": NSNull()]]], "text": text]
        }
        return (texts, objects)
    }

    private func trimmed(_ texts: [String]) -> [String] {
        texts.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
    }

    @Test(arguments: [true, false], [Archive.plain, .gzip])
    func arraysAreReadLikeLines(isPretty: Bool, archive: Archive) throws {
        let (texts, objects) = objects(300)
        let data = try JSONSerialization.data(withJSONObject: objects, options: isPretty ? .prettyPrinted : [])
        let path = try folder.write(
            archive.pack([0xEF, 0xBB, 0xBF] + Array("\n ".utf8) + data), to: "a.json" + archive.rawValue)
        let settings = configuration(path, format: .jsonl, heldOut: 0.2) { $0.maximumDocumentBytes = 1024 }
        let result = try pieces(settings)
        #expect(trimmed(result.texts) == trimmed(texts) && result.report.isEmpty)
        // From any position, as after a resume.
        let file = try #require(try CorpusListing(settings).sources[0].files.first)
        let reader = try DocumentReader(file, rules: ReadingRules(settings))
        for number in 0..<299 {
            _ = try reader.next()
            let position = try JSONDecoder().decode(FilePosition.self, from: JSONEncoder().encode(reader.position))
            let resumed = try DocumentReader(file, at: position, rules: ReadingRules(settings))
            let piece = try #require(try resumed.next())
            #expect(String(decoding: piece.text, as: UTF8.self) == result.texts[number + 1])
            #expect(piece.isHeldOut == result.heldOut[number + 1])
        }
    }

    @Test func aLoaderGoesOnWithinAnArray() throws {
        let data = try JSONSerialization.data(withJSONObject: objects(400).objects, options: .prettyPrinted)
        let path = try folder.write(data, to: "a.json")
        let settings = configuration(path) { $0.shuffleDocuments = 30 }
        let loader = try CorpusLoader(configuration: settings, tokenizer: ByteTokenizer(), seed: 3, batchSize: 2)
        for _ in 0..<60 {
            let state = try loader.next().stateAfter
            let resumed = try CorpusLoader(
                configuration: settings, tokenizer: ByteTokenizer(), seed: 3, batchSize: 2, resumingFrom: state)
            let next = try resumed.next()
            resumed.stop()
            let again = try CorpusLoader(
                configuration: settings, tokenizer: ByteTokenizer(), seed: 3, batchSize: 2, resumingFrom: state)
            #expect(try again.next().batch == next.batch)
            again.stop()
            if next.epochs[0] > 0 { break }
        }
    }

    @Test func elementsThatAreNoDocumentsAreCountedWithTheirLine() throws {
        let path = try folder.write(
            """
            [
              {"text": "one"},
              7, "word", [1], null,
              {"title": "no text"},
              {"text": "\(String(repeating: "long ", count: 2000))"},
              {"text":
                "two"}
            ]
            [{"text": "three"}]
            """, to: "a.json")
        let result = try pieces(configuration(path) { $0.maximumLineBytes = 4096 })
        #expect(result.texts == ["one", "two", "three"])
        #expect(result.report.counts == [.malformedLine: 4, .missingField: 1, .overlongLine: 1])
        #expect(result.report.examples.map(\.line) == [3, 3, 4, 5])
    }

    @Test(arguments: [#"[{"text": "One"}, }, {"text": "Two"}]"#, #"[{"text": "One"} }}] [{"text": "Two"}]"#])
    func bracketsThatCloseNothingArePassed(_ text: String) throws {
        let result = try pieces(configuration(try folder.write(text, to: "a.json")))
        #expect(result.texts == ["One", "Two"])
        #expect((result.report.counts[.malformedLine] ?? 0) >= 1)
    }

    @Test func arraysThatEndEarlyOrGoOnAreNamed() throws {
        for (content, texts) in [
            ("[{\"text\": \"one\"}, {\"text\": \"tw", ["one"]), ("[{\"text\": \"one\"},\n", ["one"]),
            ("[{\"text\": \"one\"}] {\"text\": \"two\"}", ["one"]),
        ] {
            let path = try folder.write(content, to: "a.json")
            let result = try pieces(configuration(path))
            #expect(result.texts == texts)
            #expect((result.report.counts[.malformedLine] ?? 0) >= 1)
            #expect(throws: CorpusError.self) { try pieces(configuration(path) { $0.strict = true }) }
        }
    }

    @Test func aLogLineDoesNotMakeAnArray() throws {
        let path = try folder.write("[INFO] export\n{\"text\": \"one\"}\n{\"text\": \"two\"}\n", to: "a.jsonl")
        #expect(try pieces(configuration(path)).texts == ["one", "two"])
    }

    @Test func anArrayIsSampledToo() throws {
        let (texts, objects) = objects(20_000, bytes: 100)
        let path = try folder.write(try JSONSerialization.data(withJSONObject: objects), to: "a.json")
        var sampled: [String] = []
        let summary = try CorpusSampler(listing: CorpusListing(configuration(path)), seed: 1)
            .sampleDocuments(limitBytes: 1_000_000) { sampled.append(String(decoding: $0, as: UTF8.self)) }
        #expect(summary.bytes > 300_000 && summary.report.isEmpty)
        #expect(Set(sampled).count == sampled.count)
        #expect(Set(sampled.dropLast()).isSubset(of: Set(trimmed(texts))))
    }
}
