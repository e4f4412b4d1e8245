import Corpus
import TestSupport
import Testing

@Suite struct SequencePackerTests {
    private func pack(_ lengths: [Int], sequenceLength: Int) -> [PackedSequence] {
        var packer = SequencePacker(sequenceLength: sequenceLength, classificationID: 2, separatorID: 3)
        var sequences: [PackedSequence] = []
        for (number, length) in lengths.enumerated() {
            var rest = Array(repeating: Int32(10 + number), count: length)[...]
            while !rest.isEmpty {
                let content = rest.prefix(packer.maximumContent)
                if let sequence = packer.place(content) { sequences.append(sequence) }
                rest = rest.dropFirst(content.count)
                #expect(packer.open.count <= SequencePacker.openLimit)
            }
        }
        while let sequence = packer.flush() { sequences.append(sequence) }
        return sequences
    }

    @Test func nothingIsLostAndEverySegmentIsWhole() {
        var generator = SplitMix64(seed: 11)
        for sequenceLength in [3, 4, 16, 128] {
            let lengths = (0..<1000).map { _ in Int.random(in: 1...300, using: &generator) }
            let sequences = pack(lengths, sequenceLength: sequenceLength)
            var found = Array(repeating: 0, count: lengths.count)
            for sequence in sequences {
                #expect(sequence.tokens.count <= sequenceLength)
                let ends = sequence.segmentStarts.dropFirst() + [sequence.tokens.count]
                for (start, end) in zip(sequence.segmentStarts, ends) {
                    #expect(sequence.tokens[start] == 2 && sequence.tokens[end - 1] == 3)
                    let content = sequence.tokens[start + 1..<end - 1]
                    #expect(Set(content).count == 1)
                    found[Int(sequence.tokens[start + 1]) - 10] += content.count
                }
            }
            #expect(found == lengths)
        }
    }

    /// Short documents of very different lengths fill sequences well; the last, open ones do not count.
    @Test(arguments: [128, 512])
    func shortDocumentsFillSequences(sequenceLength: Int) {
        var generator = SplitMix64(seed: 12)
        // Mostly short, some long: the logarithm of the length is uniform.
        let lengths = (0..<20_000).map { _ in
            var length = 4.0
            for _ in 0..<Int.random(in: 0...60, using: &generator) { length *= 1.08 }
            return Int(length)
        }
        let sequences = pack(lengths, sequenceLength: sequenceLength).dropLast(SequencePacker.openLimit)
        let fill = Double(sequences.reduce(0) { $0 + $1.tokens.count }) / Double(sequences.count * sequenceLength)
        #expect(fill > 0.97)
    }

    @Test func uniformLengthsFillSequences() {
        var generator = SplitMix64(seed: 13)
        let lengths = (0..<20_000).map { _ in Int.random(in: 8...110, using: &generator) }
        let sequences = pack(lengths, sequenceLength: 128).dropLast(SequencePacker.openLimit)
        let fill = Double(sequences.reduce(0) { $0 + $1.tokens.count }) / Double(sequences.count * 128)
        #expect(fill > 0.95)
    }

    /// Segments of one length that leave room which nothing fills: the few shorter ones must not wait for ever.
    @Test func noSequenceWaitsForEver() {
        var packer = SequencePacker(sequenceLength: 128, classificationID: 2, separatorID: 3)
        for _ in 0..<30 { #expect(packer.place([1, 1, 1, 1, 1, 1, 1, 1, 1, 1]) == nil) }
        var placed = 0
        var waiting = true
        while waiting && placed < 10_000 {
            _ = packer.place(Array(repeating: 5, count: 120)[...])
            placed += 1
            waiting = packer.open.contains { $0.tokens.contains(1) }
        }
        #expect(placed < 1200)
    }
}
