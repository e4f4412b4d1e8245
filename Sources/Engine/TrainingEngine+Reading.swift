import Corpus
import Encoder
import Foundation
import Kernels
import Objectives

/// What a trained model makes of sequences of tokens, without dropout and by all threads.
extension TrainingEngine {
    /// How the states of a sequence's tokens become vectors.
    public enum StatePooling: String, CaseIterable, Sendable {
        /// Their mean, [CLS] and [SEP] included, as sentence-transformers takes it.
        case mean
        /// That of the first token.
        case first
        /// All of them.
        case tokens
    }

    /// Sequences that are worked on between looks at signals.
    private static let sequencesAtATime = 512

    /// The logits of the detector for every token.
    ///
    /// - Parameter sequences: `[CLS] tokens… [SEP]` each, no longer than the model's.
    /// - Throws: `CancellationError`.
    public func detectionLogits(
        _ sequences: [[Int32]], progress: (_ done: Double) -> Void = { _ in }
    ) throws -> [[Float]] {
        try perSequence(sequences, progress) { [objective] tokens, chunk, pass in
            let logits = objective.detect(tokens, pass)
            return chunk.ranges.map { Array(logits[$0]) }
        }
    }

    /// Hidden states after the last layer.
    ///
    /// - Parameters:
    ///   - sequences: `[CLS] tokens… [SEP]` each, no longer than the model's.
    ///   - network: which reads them.
    /// - Returns: of each sequence one vector, or one for each token back to back.
    /// - Throws: `CancellationError`.
    public func states(
        _ sequences: [[Int32]], of network: NetworkKind = .discriminator, pooling: StatePooling,
        progress: (_ done: Double) -> Void = { _ in }
    ) throws -> [[Float]] {
        let shape = configuration.model
        let width = network == .generator ? shape.generatorShape.hiddenSize : shape.hiddenSize
        return try perSequence(sequences, progress) { [objective] tokens, chunk, pass in
            let states = objective.hiddenStates(of: network, tokens, pass)
            return chunk.ranges.map { rows in
                switch pooling {
                case .tokens: Array(states[rows.lowerBound * width..<rows.upperBound * width])
                case .first: Array(states[rows.lowerBound * width..<(rows.lowerBound + 1) * width])
                case .mean:
                    (0..<width).map { column in
                        Float(rows.reduce(0.0) { $0 + Double(states[$1 * width + column]) } / Double(rows.count))
                    }
                }
            }
        }
    }

    /// The most probable tokens at masked places, by the generator or the masked language model.
    ///
    /// - Parameters:
    ///   - tokens: `[CLS] tokens… [SEP]` with [MASK] at the places.
    ///   - places: ascending.
    ///   - count: of candidates a place, the likeliest first.
    public func candidates(
        _ tokens: [Int32], places: [Int], count: Int
    ) throws -> [[(token: Int32, probability: Double)]] {
        let rows = places.map { Int32($0) }
        let size = objective.model.vocabularySize
        let found = try forward(TokenBatch(sequence: tokens)) { [objective] _, pass in
            objective.maskedRows(tokens, rows: rows, pass) { _, logits, bias in
                Self.likeliest((0..<size).map { logits[$0] + bias[$0] }, count)
            }
        }
        return found.flatMap(\.self)
    }

    private static func likeliest(
        _ logits: [Float], _ count: Int
    ) -> [(token: Int32, probability: Double)] {
        let highest = Double(logits.max() ?? 0)
        let total = logits.reduce(0.0) { $0 + exp(Double($1) - highest) }
        // The few likeliest so far, in order: a vocabulary of hundreds of thousands is not sorted for five. Of equals the first.
        var order: [Int] = []
        for index in logits.indices {
            if order.count >= count, let last = order.last, logits[index] <= logits[last] { continue }
            let place = order.firstIndex { logits[$0] < logits[index] } ?? order.count
            order.insert(index, at: place)
            if order.count > count { order.removeLast() }
        }
        return order.map { (Int32($0), exp(Double(logits[$0]) - highest) / total) }
    }

    /// Carries sequences through `body`, some hundred at a time.
    ///
    /// - Parameter body: gets a chunk's tokens, and gives a result for each of its sequences.
    func perSequence<Result: Sendable>(
        _ sequences: [[Int32]], _ progress: (Double) -> Void,
        _ body: @escaping @Sendable ([Int32], ChunkGeometry, LanePass) -> [Result]
    ) throws -> [Result] {
        var results: [Result] = []
        results.reserveCapacity(sequences.count)
        for start in stride(from: 0, to: sequences.count, by: Self.sequencesAtATime) {
            var batch = TokenBatch()
            for sequence in sequences[start..<min(start + Self.sequencesAtATime, sequences.count)] {
                batch.tokens += sequence
                batch.sequenceOffsets.append(batch.tokens.count)
            }
            batch.segmentOffsets = batch.sequenceOffsets
            let found = try forward(batch) { [batch] chunk, pass in
                body(Array(batch.tokens[chunk.firstRow..<chunk.firstRow + chunk.tokenCount]), chunk, pass)
            }
            results += found.flatMap(\.self)
            progress(Double(results.count) / Double(sequences.count))
        }
        return results
    }
}

extension ChunkGeometry {
    /// The rows of every segment.
    var ranges: [Range<Int>] { zip(segments, segments.dropFirst()).map { $0..<$1 } }
}

extension TokenBatch {
    /// A single sequence of one segment.
    fileprivate init(sequence: [Int32]) {
        self.init(
            tokens: sequence, sequenceOffsets: [0, sequence.count], segmentOffsets: [0, sequence.count])
    }
}
