import Corpus
import Encoder
import Kernels
import Objectives
import TestSupport

/// A batch of two sequences of two segments each, as two chunks: losses are weighed by counts of the whole batch.
enum TwoSequences {
    static let vocabularySize = 43
    static let segments = [0, 9, 16, 30, 41]
    static let dropout = DropoutStream(seed: 8, step: 5)
    static let limits = ReplacedTokenModel.ChunkLimits(tokens: 64, sequences: 4, longestSegment: 32, maskFraction: 0.3)

    /// - Parameters:
    ///   - isReplaced: with given replacements, some of them the tokens themselves, instead of sampled ones.
    ///   - types: of the tokens, if they are not all 0.
    static func work(
        _ configuration: ObjectiveConfiguration, isReplaced: Bool, types: [Int32] = []
    ) -> ReplacedTokenDetection.Work {
        var random = SplitMix64(seed: 21)
        func token() -> Int32 { Int32.random(in: 5..<Int32(vocabularySize), using: &random) }
        var batch = TokenBatch(
            tokens: (0..<41).map { _ in token() }, sequenceOffsets: [0, 16, 41], segmentOffsets: segments)
        batch.tokenTypes = types
        let masking = Masking(
            batch, configuration: configuration, fraction: configuration.maskFraction, maskID: 4, special: [0, 2, 3],
            random: Philox(seed: 1, purpose: .masking), step: 5)
        let replacements = masking.positions.enumerated().map { index, position in
            index % 3 == 0 ? batch.tokens[Int(position)] : token()
        }
        return ReplacedTokenDetection.Work(
            batch: batch, masking: masking, sampling: Philox(seed: 1, purpose: .sampling), step: 5,
            replacements: isReplaced ? replacements : nil, cropping: Philox(seed: 1, purpose: .cropping))
    }

    /// Runs both chunks over the same memory, which starts as NaNs, and leaves gradients in `fast`.
    static func run(
        _ objective: ReplacedTokenDetection, _ work: ReplacedTokenDetection.Work, _ fast: FastParameters,
        activationCount: Int
    ) -> (sums: LossSums, corrupted: [Int32]) {
        let arena = FloatBuffer(count: activationCount)
        arena.base.update(repeating: .nan, count: arena.count)
        var sums = LossSums()
        var corrupted: [Int32] = []
        for (first, count) in [(0, 16), (16, 25)] {
            let outcome = objective.run(
                work,
                LanePass(
                    weights: fast.weights.base, gradients: fast.gradients.base, arena: arena.base, dropout: dropout,
                    chunk: ChunkGeometry(
                        firstRow: first, tokenCount: count, segmentOffsets: segments,
                        tokenTypes: work.batch.tokenTypes)))
            sums += outcome.sums
            corrupted += outcome.corrupted
        }
        return (sums, corrupted)
    }

    /// The batch in the reference's terms.
    static func reference(_ work: ReplacedTokenDetection.Work, _ corrupted: [Int32]) -> Reference.ElectraBatch {
        let places = work.masking.positions.map { Int($0) }
        return .init(
            maskedTokens: work.masking.inputs.map { Int($0) }, positions: places,
            targets: places.map { Int(work.batch.tokens[$0]) }, replacements: places.map { Int(corrupted[$0]) },
            segments: .init(
                offsets: segments,
                types: work.batch.tokenTypes.isEmpty ? nil : work.batch.tokenTypes.map { Int($0) }))
    }
}
