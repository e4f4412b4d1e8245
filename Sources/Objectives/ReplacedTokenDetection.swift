import Corpus
import Encoder
import Kernels

/// Replaced-token detection and its relatives on one chunk of a batch. Each objective is a file in `Recipes`, which puts
/// the steps in `Steps` in the order of its paper.
///
/// Losses are means over the whole batch, so that chunks, lanes and accumulation weigh every token alike.
public struct ReplacedTokenDetection: Sendable {
    public let model: ReplacedTokenModel
    public let configuration: ObjectiveConfiguration

    /// - Parameter model: made for the same objective.
    public init(model: ReplacedTokenModel, configuration: ObjectiveConfiguration) {
        self.model = model
        self.configuration = configuration
    }

    /// A batch with its masking, shared by all lanes of a step.
    public struct Work: Sendable {
        public let batch: TokenBatch
        public let masking: Masking
        /// Draws the replacements.
        public let sampling: Philox
        /// Draws the crops of the contrastive loss.
        public let cropping: Philox
        /// Step of the run, or index of the evaluation batch; keys the samples.
        public let step: Int
        /// What stands at the masking's positions instead of samples, if given: the same corrupted text for models that
        /// are to be compared, random tokens, or samples that were kept.
        public let replacements: [Int32]?
        /// Divides the generator's logits before it samples.
        public let temperature: Double
        public let part: Part

        /// What of a step is done. Networks in turn are one after the other: the main encoder is given what the generator
        /// has sampled.
        public enum Part: Sendable { case whole, generator, mainEncoder }

        public init(
            batch: TokenBatch, masking: Masking, sampling: Philox, step: Int, replacements: [Int32]? = nil,
            cropping: Philox = Philox(seed: 0, purpose: .cropping), temperature: Double = 1, part: Part = .whole
        ) {
            precondition(replacements.map { $0.count == masking.positions.count } ?? true)
            self.batch = batch
            self.masking = masking
            self.sampling = sampling
            self.cropping = cropping
            self.step = step
            self.replacements = replacements
            self.temperature = temperature
            self.part = part
        }

        /// Which of the masking's positions lie in a chunk.
        func places(in chunk: ChunkGeometry) -> Range<Int> {
            lowerBound(Int32(chunk.firstRow))..<lowerBound(Int32(chunk.firstRow + chunk.tokenCount))
        }

        private func lowerBound(_ row: Int32) -> Int {
            var low = 0
            var high = masking.positions.count
            while low < high {
                let middle = (low + high) / 2
                if masking.positions[middle] < row { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    /// What the networks made of a chunk, beyond the sums.
    public struct Outcome: Sendable {
        public var sums: LossSums
        /// The main encoder's input, `[n]`.
        public var corrupted: [Int32]
        /// The detection logits, `[n]`; empty where the objective has none.
        public var logits: [Float]
        /// What the main encoder predicts, where the objective detects nothing and the pass does not learn.
        public var predictions: [Prediction] = []
    }

    /// What a model makes of a token that it has to predict.
    public struct Prediction: Sendable {
        /// Of the token in its chunk.
        public var row: Int
        public var best: Int32
        /// Of the original token.
        public var probability: Double
    }

    /// Carries a chunk through all networks, and back if the pass has gradients.
    public func run(_ work: Work, _ pass: LanePass) -> Outcome {
        var chunk = ObjectiveChunk(work, pass)
        if work.part == .generator {
            let corrupted = corrupt(&chunk)
            return Outcome(sums: chunk.sums, corrupted: corrupted, logits: [])
        }
        return switch configuration.name {
        case .electra: electra(&chunk)
        case .metro: metro(&chunk)
        case .cocoLM: cocoLM(&chunk)
        case .maskedLanguageModel: maskedLanguageModel(&chunk)
        case .replaceMLM: replaceMLM(&chunk)
        case .allTokensMLM: allTokensMLM(&chunk)
        }
    }

    /// The discriminator's logits for tokens as they are, `[n]`; empty where the objective has none.
    public func detect(_ tokens: [Int32], _ pass: LanePass) -> [Float] {
        guard let head = model.detectionHead else { return [] }
        return tokens.withUnsafeBufferPointer { tokens in
            let hidden = model.discriminator.forward(tokens, pass)
            return Array(UnsafeBufferPointer(start: head.forward(hidden, pass), count: tokens.count))
        }
    }
}

/// A chunk on its way through an objective.
struct ObjectiveChunk {
    let work: ReplacedTokenDetection.Work
    let pass: LanePass
    /// The text, `[n]`.
    let original: [Int32]
    /// The text as it was masked, `[n]`.
    let masked: [Int32]
    /// Which of the masking's positions lie here, and their indices within the chunk.
    let places: Range<Int>
    let rows: [Int32]
    var sums = LossSums()
    var predictions: [ReplacedTokenDetection.Prediction] = []

    init(_ work: ReplacedTokenDetection.Work, _ pass: LanePass) {
        self.work = work
        self.pass = pass
        let range = pass.chunk.firstRow..<(pass.chunk.firstRow + pass.chunk.tokenCount)
        original = Array(work.batch.tokens[range])
        masked = Array(work.masking.inputs[range])
        places = work.places(in: pass.chunk)
        rows = work.masking.positions[places].map { $0 - Int32(pass.chunk.firstRow) }
        sums.tokenCount = work.part == .generator ? 0 : original.count
    }

    var learns: Bool { pass.gradients != nil }
    var maskedCount: Int { work.masking.positions.count }
}
