import Corpus
import Foundation
import TestSupport
import Testing

@Suite("Sentence pairs")
struct SentencePairTests {
    private func sentences(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        let ends = bytes.withUnsafeBufferPointer { SentenceEnds.offsets(in: $0) }
        return zip([0] + ends, ends + [bytes.count]).map { String(decoding: bytes[$0..<$1], as: UTF8.self) }
    }

    @Test("Sentences end at lines and after marks of any script, before white space")
    func ends() {
        #expect(sentences("One. Two!  Three? four") == ["One.", " Two!", "  Three?", " four"])
        #expect(sentences("a line\nanother\r\n\n third") == ["a line", "\nanother", "\r\n\n third"])
        #expect(sentences("He said \"no.\" She (yes.) went.") == ["He said \"no.\"", " She (yes.)", " went."])
        #expect(sentences("3.14 and e.g.this") == ["3.14 and e.g.this"])
        #expect(sentences("一。二！」三") == ["一。", "二！」", "三"])
        #expect(sentences("नमस्ते। फिर؟ ok") == ["नमस्ते।", " फिर؟", " ok"])
        for whole in ["", " ", "\n", "word", "end. ", "\n end", "。"] { #expect(sentences(whole) == [whole]) }
    }

    /// Every rule of the builder, over many draws.
    @Test("A tenth is single, a twentieth of random length, halves are whole sentences and the first is near one half")
    func builder() {
        let random = CounterRandom(seed: 3, purpose: .pairs, source: 0)
        let builder = PairBuilder(sequenceLength: 128, random: random)
        var drawn = SplitMix64(seed: 1)
        var (single, short, full) = (0, 0, 0)
        let draws = 20_000
        for draw in 0..<draws {
            let ends = (1..<60).reduce(into: [Int]()) { ends, _ in
                ends.append((ends.last ?? 0) + Int.random(in: 1...20, using: &drawn))
            }
            let start = ends[Int.random(in: 0..<20, using: &drawn)] - 1
            let segment = builder.segment(from: start, of: ends.last!, ends: ends, draw: draw)
            let length = segment.end - start + (segment.second == nil ? 2 : 3)
            #expect(length >= 5 && length <= 128)
            if length < 128 { short += 1 }
            guard let second = segment.second else {
                single += 1
                continue
            }
            #expect(ends.contains(second) && second > start && second < segment.end)
            guard length == 128 else { continue }
            full += 1
            let half = (128 - 3) / 2
            let previous = ends.last { $0 < second && $0 > start }
            let next = ends.first { $0 > second }!
            // Either the next sentence does not fit any more, or the last one was taken though it did not.
            #expect(next - start >= half || second - start >= half)
            if second - start >= half, let previous { #expect(previous - start < half) }
        }
        // A random length of nearly all is rare; short ones may become single for want of a sentence's end.
        #expect(abs(Double(short) / Double(draws) - 0.05) < 0.01)
        #expect(Double(single) / Double(draws) > 0.09 && Double(single) / Double(draws) < 0.13)
        #expect(full > draws * 8 / 10)
    }

    @Test(
        "A document without an end of a sentence in reach gives single segments, and the last tokens of one are not lost"
    )
    func single() {
        let builder = PairBuilder(sequenceLength: 32, random: CounterRandom(seed: 3, purpose: .pairs, source: 0))
        for draw in 0..<200 {
            let segment = builder.segment(from: 0, of: 100, ends: [100], draw: draw)
            #expect(segment.second == nil && segment.end <= 30)
            let last = builder.segment(from: 99, of: 100, ends: [100], draw: draw)
            #expect(last == .init(end: 100, second: nil))
        }
    }

    private static func text(_ documents: Int) -> String {
        (0..<documents).map { document in
            (0..<30).map { "\(document):\($0) word word" + ($0 % 3 == 0 ? "\n" : ". ") }.joined()
        }.joined(separator: "\n\n")
    }

    private func loader(
        _ path: String, pairs: Bool = true, batchSize: Int = 4, from state: LoaderState? = nil
    ) throws -> CorpusLoader {
        try CorpusLoader(
            configuration: configuration(path) {
                $0.sequenceLength = 96
                $0.pairs = pairs
            }, tokenizer: ByteTokenizer(), seed: 5, batchSize: batchSize, resumingFrom: state)
    }

    @Test("Batches hold [CLS] A [SEP] B [SEP] with types 0 and 1, and no text is lost or repeated")
    func batches() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Self.text(40), to: "a.txt")
        let loader = try loader(path)
        defer { loader.stop() }
        var (pairs, segments) = (0, 0)
        var seen: [String: Int] = [:]
        var last: LoaderState?
        while (last?.sources[0].epoch ?? 0) < 1 {
            let loaded = try loader.next()
            last = loaded.stateAfter
            let batch = loaded.batch
            #expect(batch.tokenTypes.count == batch.tokenCount)
            for (start, end) in zip(batch.segmentOffsets, batch.segmentOffsets.dropFirst()) {
                segments += 1
                let tokens = Array(batch.tokens[start..<end])
                let types = Array(batch.tokenTypes[start..<end])
                #expect(tokens.first == ByteTokenizer().classificationID && tokens.last == ByteTokenizer().separatorID)
                let separators = tokens.indices.filter { tokens[$0] == ByteTokenizer().separatorID }
                #expect(separators.count == 1 || separators.count == 2)
                // Type 1 is all that stands behind the first [SEP].
                #expect(types == tokens.indices.map { $0 > separators[0] ? 1 : 0 })
                if separators.count == 2 { pairs += 1 }
                let text = tokens.filter { $0 >= ByteTokenizer.firstByte }.map { UInt8($0 - ByteTokenizer.firstByte) }
                let words = String(decoding: text, as: UTF8.self).split { !"0123456789:".contains($0) }
                for word in words where word.contains(":") { seen[String(word), default: 0] += 1 }
            }
        }
        #expect(Double(pairs) / Double(segments) > 0.6)
        // Numbers that a segment's end tears apart aside, every sentence came.
        #expect(seen.count { $0.value == 1 } > 900)
    }

    @Test("A loader resumed between any two batches goes on the same")
    func resume() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Self.text(40), to: "a.txt")
        let whole = try loader(path)
        defer { whole.stop() }
        var state: LoaderState?
        for _ in 0..<30 {
            let expected = try whole.next()
            let resumed = try loader(path, from: state)
            let actual = try resumed.next()
            resumed.stop()
            #expect(actual.batch == expected.batch && actual.stateAfter == expected.stateAfter)
            let data = try JSONEncoder().encode(expected.stateAfter)
            state = try JSONDecoder().decode(LoaderState.self, from: data)
        }
    }

    @Test("Runs with and without pairs do not go on with each other's state; without them nothing is written of pairs")
    func states() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Self.text(40), to: "a.txt")
        for pairs in [true, false] {
            let first = try loader(path, pairs: pairs)
            var state = try first.next().stateAfter
            // Full segments leave no sequence open.
            while state.openSequences.isEmpty { state = try first.next().stateAfter }
            first.stop()
            #expect(throws: CorpusError.self) { try loader(path, pairs: !pairs, from: state) }
            let text = String(decoding: try JSONEncoder().encode(state), as: UTF8.self)
            #expect(text.contains("secondStarts") == pairs)
        }
        let plain = try loader(path, pairs: false)
        #expect(try plain.next().batch.tokenTypes.isEmpty)
        plain.stop()
    }
}
