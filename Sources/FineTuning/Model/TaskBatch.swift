import Corpus

/// A text as the model reads it, with what it is to say about it.
public struct TaskExample: Sendable, Equatable {
    /// `[CLS] text [SEP]`, or `[CLS] text [SEP] pair [SEP]`.
    public var tokens: [Int32]
    /// Where the tokens of type 1 begin; nil for a single text.
    public var pairStart: Int?
    /// Nil for a text whose label nobody knows.
    public var target: TaskTarget?
    /// In the loss.
    public var weight: Double

    public init(tokens: [Int32], pairStart: Int? = nil, target: TaskTarget? = nil, weight: Double = 1) {
        self.tokens = tokens
        self.pairStart = pairStart
        self.target = target
        self.weight = weight
    }
}

/// Texts of one step, one after another without padding.
struct TaskBatch: Sendable {
    let tokens: TokenBatch
    let targets: [TaskTarget?]
    let weights: [Double]

    init(_ examples: [TaskExample]) {
        var batch = TokenBatch()
        let hasPairs = examples.contains { $0.pairStart != nil }
        for example in examples {
            batch.tokens += example.tokens
            if hasPairs {
                let start = example.pairStart ?? example.tokens.count
                batch.tokenTypes += example.tokens.indices.map { $0 < start ? 0 : 1 }
            }
            batch.sequenceOffsets.append(batch.tokens.count)
        }
        batch.segmentOffsets = batch.sequenceOffsets
        tokens = batch
        targets = examples.map(\.target)
        weights = examples.map(\.weight)
    }

    var totalWeight: Double { weights.reduce(0, +) }
}
