import Corpus
import Kernels

/// The positions that the generator must predict, and its input.
///
/// Positions are drawn without replacement, from all tokens but [CLS] and [SEP], or one from each of equal stretches of
/// them, by counter-based random numbers keyed by step and sequence. (ELECTRA's release draws with replacement and averages the ids of duplicates.)
public struct Masking: Sendable {
    /// Token ids that the generator sees, `[tokenCount]`.
    public private(set) var inputs: [Int32]
    /// Indices of the chosen tokens in the batch, ascending.
    public private(set) var positions: [Int32] = []

    /// - Parameters:
    ///   - fraction: share of each sequence's tokens that is chosen.
    ///   - step: of the run, or index of the evaluation batch.
    ///   - special: ids of [CLS], [SEP] and [PAD], which are never chosen.
    ///   - randomTokens: what some positions show instead of [MASK], if the configuration wants that.
    public init(
        _ batch: TokenBatch, configuration: ObjectiveConfiguration, fraction: Double, maskID: Int32, special: [Int32],
        random: Philox,
        step: Int, randomTokens: RandomTokens? = nil
    ) {
        let randomLimit = configuration.maskTokenFraction + configuration.randomTokenFraction
        inputs = batch.tokens
        var candidates: [Int32] = []
        for sequence in 0..<batch.sequenceCount {
            candidates.removeAll(keepingCapacity: true)
            for index in batch.sequenceOffsets[sequence]..<batch.sequenceOffsets[sequence + 1]
            where !special.contains(batch.tokens[index]) {
                candidates.append(Int32(index))
            }
            guard !candidates.isEmpty else { continue }
            let wanted = Self.count(of: candidates.count, fraction: fraction)
            // A partial Fisher–Yates shuffle: the first `wanted` candidates are the sample. Stratified, candidate i is one
            // of the i-th stretch, which begins at or after i.
            for i in 0..<wanted {
                let words = random.block([
                    UInt32(i), UInt32(sequence), UInt32(truncatingIfNeeded: step),
                    UInt32(truncatingIfNeeded: step >> 32),
                ])
                let stretch =
                    switch configuration.maskDrawing {
                    case .uniform: i..<candidates.count
                    case .stratified: i * candidates.count / wanted..<(i + 1) * candidates.count / wanted
                    }
                // High word of a 64-bit product: uniform to within 2⁻³².
                candidates.swapAt(
                    i, stretch.lowerBound + Int((UInt64(words.x) &* UInt64(stretch.count)) >> 32))
                let choice = Double(words.y) * 0x1p-32
                if choice < configuration.maskTokenFraction {
                    inputs[Int(candidates[i])] = maskID
                } else if choice < randomLimit, let randomTokens {
                    inputs[Int(candidates[i])] = randomTokens.token(words.z)
                }
            }
            positions.append(contentsOf: candidates[..<wanted].sorted())
        }
    }

    /// A masking made elsewhere.
    ///
    /// - Parameters:
    ///   - inputs: what the generator sees, `[tokenCount]`.
    ///   - positions: indices of the chosen tokens, ascending.
    public init(inputs: [Int32], positions: [Int32]) {
        self.inputs = inputs
        self.positions = positions
    }

    /// How many of `candidates` tokens are chosen: the rounded share, and at least one.
    static func count(of candidates: Int, fraction: Double) -> Int {
        min(candidates, max(1, Int((Double(candidates) * fraction).rounded())))
    }

    /// The most positions that a chunk of so many tokens and sequences can have.
    static func capacity(tokens: Int, sequences: Int, fraction: Double) -> Int {
        min(tokens, Int((Double(tokens) * fraction).rounded(.up)) + sequences)
    }
}
