/// Token sequences of one training step, packed without padding.
///
/// `tokens` holds all sequences one after another. A sequence is at most `sequence_length` tokens and consists of one
/// or more segments; a segment is one document or a piece of one, `[CLS] tokens… [SEP]`, or a pair of such pieces,
/// `[CLS] tokens… [SEP] tokens… [SEP]`. Attention and positions are confined to a segment, so the model computes nothing for
/// padding and documents never see each other.
public struct TokenBatch: Sendable, Equatable {
    /// Token ids of all sequences, `[tokenCount]`.
    public var tokens: [Int32]
    /// Start of every sequence in `tokens`, and the token count as the last element: `[sequenceCount + 1]`.
    public var sequenceOffsets: [Int]
    /// Start of every segment in `tokens`, and the token count as the last element. Contains all `sequenceOffsets`.
    public var segmentOffsets: [Int]
    /// 1 for the tokens of second halves of pairs, else 0, `[tokenCount]`; empty where all are 0.
    public var tokenTypes: [Int32] = []

    public init(tokens: [Int32] = [], sequenceOffsets: [Int] = [0], segmentOffsets: [Int] = [0]) {
        self.tokens = tokens
        self.sequenceOffsets = sequenceOffsets
        self.segmentOffsets = segmentOffsets
    }

    public var tokenCount: Int { tokens.count }
    public var sequenceCount: Int { sequenceOffsets.count - 1 }
    public var segmentCount: Int { segmentOffsets.count - 1 }

    /// Some of the sequences, as a batch of their own.
    public func sequences(_ range: Range<Int>) -> TokenBatch {
        let (start, end) = (sequenceOffsets[range.lowerBound], sequenceOffsets[range.upperBound])
        var result = TokenBatch(
            tokens: Array(tokens[start..<end]),
            sequenceOffsets: sequenceOffsets[range.lowerBound...range.upperBound].map { $0 - start },
            segmentOffsets: segmentOffsets.filter { start...end ~= $0 }.map { $0 - start })
        if !tokenTypes.isEmpty { result.tokenTypes = Array(tokenTypes[start..<end]) }
        return result
    }
}
