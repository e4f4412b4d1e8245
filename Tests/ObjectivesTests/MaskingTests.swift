import Corpus
import Kernels
import Objectives
import TestSupport
import Testing

@Suite("Masking")
struct MaskingTests {
    static let special: [Int32] = [0, 2, 3]
    static let maskID: Int32 = 4

    /// Sequences `[CLS] tokens… [SEP]` of the given lengths.
    static func batch(_ lengths: [Int], seed: UInt64 = 1) -> TokenBatch {
        var random = SplitMix64(seed: seed)
        var batch = TokenBatch()
        for length in lengths {
            batch.tokens += (0..<length).map { index in
                index == 0 ? 2 : index == length - 1 ? 3 : Int32.random(in: 5..<100, using: &random)
            }
            batch.sequenceOffsets.append(batch.tokens.count)
        }
        batch.segmentOffsets = batch.sequenceOffsets
        return batch
    }

    static func masking(
        _ batch: TokenBatch, fraction: Double = 0.15, share: Double = 0.85, seed: UInt64 = 9, step: Int = 1,
        drawing: MaskDrawing = .uniform
    ) -> Masking {
        var configuration = ObjectiveConfiguration()
        configuration.maskDrawing = drawing
        configuration.maskTokenFraction = share
        return Masking(
            batch, configuration: configuration, fraction: fraction, maskID: maskID, special: special,
            random: Philox(seed: seed, purpose: .masking), step: step)
    }

    @Test("The share changes in a straight line; evaluations mask the last")
    func fallingFraction() {
        var configuration = ObjectiveConfiguration()
        configuration.maskFraction = 0.3
        #expect([0, 0.5, 1].allSatisfy { configuration.maskFraction(progress: $0) == 0.3 })
        #expect(configuration.evaluationMaskFraction == 0.3 && configuration.meanMaskFraction == 0.3)
        configuration.finalMaskFraction = 0.1
        for (progress, share) in [(-1, 0.3), (0, 0.3), (0.25, 0.25), (0.5, 0.2), (1, 0.1), (2, 0.1)] {
            #expect(abs(configuration.maskFraction(progress: progress) - share) < 1e-12)
        }
        #expect(configuration.evaluationMaskFraction == 0.1 && configuration.largestMaskFraction == 0.3)
        #expect(abs(configuration.meanMaskFraction - 0.2) < 1e-12)
        configuration.finalMaskFraction = 0.4
        #expect(configuration.largestMaskFraction == 0.4)
    }

    @Test(
        "Distinct, ascending, never special; as many as the rounded share, and at least one",
        arguments: [0.01, 0.15, 0.5, 0.9])
    func counts(fraction: Double) {
        let lengths = Array(1...70) + [128, 512]
        let batch = Self.batch(lengths)
        let masking = Self.masking(batch, fraction: fraction)
        #expect(zip(masking.positions, masking.positions.dropFirst()).allSatisfy { $0 < $1 })
        #expect(masking.positions.allSatisfy { !Self.special.contains(batch.tokens[Int($0)]) })
        for (sequence, length) in lengths.enumerated() {
            let range = batch.sequenceOffsets[sequence]..<batch.sequenceOffsets[sequence + 1]
            let count = masking.positions.count { range.contains(Int($0)) }
            let candidates = max(length - 2, 0)
            let share = (Double(candidates) * fraction).rounded()
            #expect(count == (candidates == 0 ? 0 : max(1, Int(share))), "length \(length)")
        }
        let chosen = Set(masking.positions)
        for index in batch.tokens.indices {
            let isMasked = masking.inputs[index] == Self.maskID
            #expect(masking.inputs[index] == batch.tokens[index] || isMasked && chosen.contains(Int32(index)))
        }
    }

    @Test("85 % of the chosen show [MASK]; all or none at the ends")
    func share() {
        let batch = Self.batch([Int](repeating: 128, count: 200))
        for share in [0, 0.5, 0.85, 1] {
            let masking = Self.masking(batch, share: share)
            let count = Double(masking.positions.count)
            let masked = Double(masking.inputs.count { $0 == Self.maskID })
            let deviation = (count * share * (1 - share)).squareRoot()
            #expect(abs(masked - share * count) <= 4 * deviation)
        }
    }

    @Test("A function of seed, step and sequence")
    func deterministic() {
        let batch = Self.batch([40, 40, 40])
        let base = Self.masking(batch)
        #expect(Self.masking(batch).positions == base.positions && Self.masking(batch).inputs == base.inputs)
        let others =
            [Self.masking(batch, seed: 10)] + [0, 2, 1 << 32 | 1, Int.max].map { Self.masking(batch, step: $0) }
        for other in others { #expect(other.positions != base.positions) }
        func within(_ sequence: Int) -> [Int] {
            base.positions.map { Int($0) }.filter { (40 * sequence..<40 * sequence + 40).contains($0) }.map { $0 % 40 }
        }
        #expect(within(0) != within(1) && within(1) != within(2) && within(0) != within(2))
        // What stands in one sequence does not move the choices in another.
        let other = Self.batch([40, 40, 33], seed: 2)
        #expect(Self.masking(other).positions.prefix { $0 < 80 } == base.positions.prefix { $0 < 80 })
    }

    @Test("Uniform over positions, and pairs are not favoured")
    func uniform() {
        let batch = Self.batch([22])
        let steps = 8000
        var counts = [Int](repeating: 0, count: 20)
        var neighbours = 0
        for step in 1...steps {
            let positions = Self.masking(batch, step: step).positions
            #expect(positions.count == 3)
            for position in positions { counts[Int(position) - 1] += 1 }
            neighbours += zip(positions, positions.dropFirst()).count { $1 - $0 == 1 }
        }
        let expected = Double(steps) * 3 / 20
        let chiSquare = counts.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        // Without replacement the variance is smaller than multinomial's: 17/19 of it.
        #expect(chiSquare < 45)
        // 19 of the 190 pairs are neighbours, and three positions make three pairs.
        let rate = 3.0 * 19 / 190
        #expect(abs(Double(neighbours) - rate * Double(steps)) < 4 * (rate * Double(steps)).squareRoot())
    }

    @Test("Stratified: one of each stretch of equal length, any of it alike")
    func stratified() {
        let lengths = [42, 45, 128]
        let batch = Self.batch(lengths)
        var counts = [Int](repeating: 0, count: 40)
        let steps = 4000
        for step in 1...steps {
            let masking = Self.masking(batch, step: step, drawing: .stratified)
            for (sequence, length) in lengths.enumerated() {
                let first = batch.sequenceOffsets[sequence] + 1
                let candidates = length - 2
                let chosen = masking.positions.map { Int($0) - first }.filter { (0..<candidates).contains($0) }
                let wanted = Int((Double(candidates) * 0.15).rounded())
                #expect(chosen.count == wanted)
                for (stretch, place) in chosen.enumerated() {
                    let range = stretch * candidates / wanted..<(stretch + 1) * candidates / wanted
                    #expect(range.contains(place))
                    if sequence == 0 { counts[place] += 1 }
                }
            }
        }
        // Six stretches of 6 or 7 tokens.
        for (place, count) in counts.enumerated() {
            let stretch = (0..<6).first { place < ($0 + 1) * 40 / 6 } ?? 5
            let size = (stretch + 1) * 40 / 6 - stretch * 40 / 6
            let expected = Double(steps) / Double(size)
            #expect(abs(Double(count) - expected) < 4.5 * expected.squareRoot(), "\(place)")
        }
    }

    @Test("Empty batches, empty sequences, and sequences of special tokens only")
    func nothingToMask() {
        #expect(Self.masking(TokenBatch()).positions.isEmpty)
        let batch = TokenBatch(
            tokens: [2, 3, 2, 3, 0, 2, 9, 3], sequenceOffsets: [0, 0, 2, 5, 8, 8], segmentOffsets: [0, 2, 5, 8])
        let masking = Self.masking(batch)
        #expect(masking.positions == [6])
        #expect(Self.masking(batch, share: 0).inputs == batch.tokens)
    }
}
