import Corpus

/// Tokens that see one another, and nothing else.
public struct TaskSegment: Sendable, Equatable {
    /// `[CLS] text [SEP]`, or `[CLS] text [SEP] pair [SEP]`.
    public var tokens: [Int32]
    /// Where the tokens of type 1 begin; nil for a single text.
    public var pairStart: Int?

    public init(tokens: [Int32], pairStart: Int? = nil) {
        self.tokens = tokens
        self.pairStart = pairStart
    }
}

/// A text as the model reads it, with what it is to say about it.
public struct TaskExample: Sendable, Equatable {
    /// `[CLS] text [SEP]`, or `[CLS] text [SEP] pair [SEP]`.
    public var tokens: [Int32]
    /// Where the tokens of type 1 begin; nil for a single text.
    public var pairStart: Int?
    /// Further texts, which do not see this one; the target is about all of them, one place each.
    public var alternatives: [TaskSegment] = []
    /// Tokens, by index, whose states the head reads; nil: the text as a whole is one place.
    public var places: [Int]?
    /// Nil for a text whose label nobody knows.
    public var target: TaskTarget?
    /// In the loss.
    public var weight: Double

    public init(
        tokens: [Int32], pairStart: Int? = nil, places: [Int]? = nil, target: TaskTarget? = nil, weight: Double = 1
    ) {
        self.tokens = tokens
        self.pairStart = pairStart
        self.places = places
        self.target = target
        self.weight = weight
    }
    /// This text and its alternatives.
    var segments: [TaskSegment] { [TaskSegment(tokens: tokens, pairStart: pairStart)] + alternatives }

    var tokenCount: Int { alternatives.reduce(tokens.count) { $0 + $1.tokens.count } }
}

/// Texts of one step, one after another without padding.
struct TaskBatch: Sendable {
    let tokens: TokenBatch
    /// What the head reads, as tokens of the batch whose states are averaged.
    let places: [Range<Int>]
    /// Of every text the first of its places, and their count.
    let placeOffsets: [Int]
    let targets: [TaskTarget?]
    let weights: [Double]

    /// - Parameter pooling: of texts that are one place.
    init(_ examples: [TaskExample], pooling: TaskPooling) {
        var batch = TokenBatch()
        var (places, placeOffsets): ([Range<Int>], [Int]) = ([], [0])
        let hasPairs = examples.contains { $0.segments.contains { $0.pairStart != nil } }
        for example in examples {
            for segment in example.segments {
                let first = batch.tokens.count
                batch.tokens += segment.tokens
                if let tokens = example.places {
                    places += tokens.map { first + $0..<first + $0 + 1 }
                } else {
                    places.append(first..<(pooling == .first ? first + 1 : batch.tokens.count))
                }
                if hasPairs {
                    let start = segment.pairStart ?? segment.tokens.count
                    batch.tokenTypes += segment.tokens.indices.map { $0 < start ? 0 : 1 }
                }
                batch.segmentOffsets.append(batch.tokens.count)
            }
            placeOffsets.append(places.count)
            batch.sequenceOffsets.append(batch.tokens.count)
        }
        tokens = batch
        self.places = places
        self.placeOffsets = placeOffsets
        targets = examples.map(\.target)
        weights = examples.map(\.weight)
    }

    var totalWeight: Double { weights.reduce(0, +) }
}
