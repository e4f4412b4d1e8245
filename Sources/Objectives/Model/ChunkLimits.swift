import Encoder

extension ReplacedTokenModel {
    /// The most that a chunk may hold; activations are planned for it.
    public struct ChunkLimits: Sendable, Equatable {
        public var tokens: Int
        public var sequences: Int
        public var longestSegment: Int
        public var maskFraction: Double
        /// Most tokens of a slice, where threads divide chunks.
        public var sliceTokens: Int?
        public var recomputation: ActivationRecomputation

        public init(
            tokens: Int, sequences: Int, longestSegment: Int, maskFraction: Double, sliceTokens: Int? = nil,
            recomputation: ActivationRecomputation = .none
        ) {
            self.tokens = tokens
            self.sequences = sequences
            self.longestSegment = longestSegment
            self.maskFraction = maskFraction
            self.sliceTokens = sliceTokens
            self.recomputation = recomputation
        }

        /// The most masked positions of a chunk, which a generator's head takes together.
        package var maskedTokens: Int {
            Masking.capacity(tokens: tokens, sequences: sequences, fraction: maskFraction)
        }
    }
}
