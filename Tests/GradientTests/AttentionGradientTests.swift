import TestSupport
import Testing

/// Self-attention: gradients under every option, and that it sees what it should see and nothing else.
@Suite("Self-attention")
struct AttentionGradientTests {
    struct Case: CustomTestStringConvertible {
        var name: String
        var offsets: [Int]
        var heads: Int
        var headSize: Int
        var scale: Double
        var rotaryBase: Double?
        var dropout: Double?
        var pattern: @Sendable (Int, Int) -> Bool = { _, _ in true }
        var testDescription: String { name }

        func layer(_ parameters: Reference.Parameters) throws -> Reference.SelfAttention {
            let segments = Reference.Segments(offsets: offsets)
            var generator = SplitMix64(seed: 10)
            return try Reference.SelfAttention(
                "attention", width: heads * headSize, heads: heads, scale: scale,
                isVisible: segments.visibility(where: pattern),
                rotary: rotaryBase.map {
                    Reference.RotaryPositions(headSize: headSize, base: $0, positions: segments.positions)
                },
                dropout: dropout.map {
                    generator.attentionDropoutMask(heads: heads, tokens: segments.tokenCount, probability: $0)
                }, parameters)
        }
    }

    static let cases = [
        Case(name: "one token", offsets: [0, 1], heads: 1, headSize: 2, scale: 1),
        Case(name: "one segment, one head", offsets: [0, 5], heads: 1, headSize: 3, scale: 0.6),
        Case(name: "segments and heads", offsets: [0, 3, 4, 9], heads: 3, headSize: 2, scale: 0.7),
        Case(name: "rotary", offsets: [0, 2, 6], heads: 2, headSize: 4, scale: 0.5, rotaryBase: 100),
        Case(name: "dropout", offsets: [0, 4, 7], heads: 2, headSize: 3, scale: 0.5, dropout: 0.3),
        Case(
            name: "a window of one token to each side", offsets: [0, 6, 8], heads: 2, headSize: 2, scale: 0.7,
            pattern: { abs($0 - $1) <= 1 }),
        Case(
            name: "everything", offsets: [0, 5, 8], heads: 2, headSize: 4, scale: 0.4, rotaryBase: 10_000,
            dropout: 0.2, pattern: { $1 == 0 || abs($0 - $1) <= 2 }),
    ]

    @Test("Gradients", arguments: cases)
    func gradients(_ test: Case) throws {
        let parameters = Reference.Parameters(drawnFrom: 11)
        let layer = try test.layer(parameters)
        expectGradients(
            of: layer, rows: test.offsets[test.offsets.count - 1], columns: test.heads * test.headSize,
            parameters: parameters)
    }

    @Test("A row of probabilities sums to 1 and is 0 outside the segment", arguments: cases)
    func probabilities(_ test: Case) throws {
        let segments = Reference.Segments(offsets: test.offsets)
        var layer = try test.layer(Reference.Parameters(drawnFrom: 12))
        var generator = SplitMix64(seed: 13)
        _ = layer.forward(generator.matrix(segments.tokenCount, test.heads * test.headSize))
        #expect(layer.probabilities.count == test.heads)
        for head in layer.probabilities {
            for query in 0..<segments.tokenCount {
                #expect(abs(head.row(query).reduce(0, +) - 1) < 1e-12)
                for key in 0..<segments.tokenCount where segments.segment[key] != segments.segment[query] {
                    #expect(head[query, key] == 0)
                }
            }
        }
    }

    @Test("Segments side by side equal segments alone", arguments: [nil, 50.0])
    func segmentsAreIndependent(rotaryBase: Double?) throws {
        let parameters = Reference.Parameters(drawnFrom: 14)
        let offsets = [0, 3, 8]
        var generator = SplitMix64(seed: 15)
        let input = generator.matrix(8, 8)
        var together = try Case(
            name: "", offsets: offsets, heads: 2, headSize: 4, scale: 0.5, rotaryBase: rotaryBase
        ).layer(parameters)
        let output = together.forward(input)
        for (start, end) in zip(offsets, offsets.dropFirst()) {
            var alone = try Case(
                name: "", offsets: [0, end - start], heads: 2, headSize: 4, scale: 0.5, rotaryBase: rotaryBase
            ).layer(parameters)
            let part = Reference.Matrix(
                rows: end - start, columns: 8, values: (start..<end).flatMap { input.row($0) })
            let expected = alone.forward(part)
            for row in start..<end { #expect(output.row(row) == expected.row(row - start)) }
        }
    }

    @Test("Rotary scores depend on the distance alone")
    func rotaryIsRelative() {
        var generator = SplitMix64(seed: 16)
        let (query, key) = (generator.matrix(1, 8), generator.matrix(1, 8))
        let score = { (queryPosition: Int, keyPosition: Int) -> Double in
            let at = { Reference.RotaryPositions(headSize: 8, base: 10_000, positions: [$0]) }
            return at(queryPosition).forward(query).dot(at(keyPosition).forward(key))
        }
        #expect(abs(score(9, 4) - score(5, 0)) < 1e-12)
        #expect(abs(score(9, 4) - score(4, 9)) > 1e-3)
        #expect(score(0, 0) == query.dot(key))
    }
}
