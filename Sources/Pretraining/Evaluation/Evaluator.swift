import Corpus
import Encoder
import Engine
import Foundation
import Objectives
import Tokenization

/// Evaluates on a fixed set of held-out batches, with the same masking and the same samples' random numbers every time.
public struct Evaluator {
    public let batches: [TokenBatch]
    /// What was skipped or replaced of the text that was read for them.
    public internal(set) var corpusReport = CorpusReport()
    /// Where each batch's text comes from; empty where it is all the same.
    let sources: [String]
    private let unigramEntropy: Double
    private let sampleCount: Int
    private let display: (Int32) -> String

    /// - Parameters:
    ///   - batches: held-out text.
    ///   - sources: where each batch's text comes from, where they differ.
    ///   - display: a token's text, for the samples.
    public init(
        batches: [TokenBatch], sources: [String] = [], vocabularySize: Int, special: SpecialTokens, samples: Int,
        display: @escaping (Int32) -> String
    ) {
        precondition(sources.isEmpty || sources.count == batches.count)
        self.batches = batches
        self.sources = sources
        sampleCount = samples
        self.display = display
        unigramEntropy = UnigramEntropy.nats(
            batches, vocabularySize: vocabularySize, excluded: special.neverMasked)
    }

    /// - Parameters:
    ///   - step: of the engine's weights.
    ///   - corruptor: a model whose masking and replacements are judged instead of the model's own, so that several models
    ///     can be compared on the same replaced text.
    ///   - corruptions: of the batches, one for each, made before; `corruptor` is then of no account.
    /// - Throws: `NonFiniteError` where a weight, a loss or a score is not finite; `CancellationError`.
    public func evaluate(
        _ engine: TrainingEngine, step: Int, corruptor: TrainingEngine? = nil, corruptions: [Corruption]? = nil
    ) throws -> EvaluationReport {
        try engine.state.checkWeights(step: step)
        var sums = LossSums()
        var sumsOfSource: [String: LossSums] = [:]
        var scores: [Float] = []
        var labels: [Bool] = []
        var samples: [EvaluationSample] = []
        var (predicted, visible) = (0, 0)
        for (index, batch) in batches.enumerated() {
            let corruption = try corruptions?[index] ?? corruptor?.corruption(of: batch, index: index)
            let batchSums = try engine.evaluate(batch, index: index, corruption: corruption) { work, chunk, outcome in
                if chunk.firstRow == 0 {
                    let (positions, inputs) = (work.masking.positions, work.masking.inputs)
                    predicted += positions.count
                    visible += positions.count { inputs[Int($0)] == batch.tokens[Int($0)] }
                }
                guard !outcome.logits.isEmpty || !outcome.predictions.isEmpty else { return }
                scores += outcome.logits
                if !outcome.logits.isEmpty {
                    for (offset, token) in outcome.corrupted.enumerated() {
                        labels.append(token != work.batch.tokens[chunk.firstRow + offset])
                    }
                }
                for segment in chunk.segments.indices.dropLast() where samples.count < samplesUpTo(index) {
                    samples.append(sample(work, chunk, outcome, segment))
                }
            }
            sums += batchSums
            if !sources.isEmpty { sumsOfSource[sources[index], default: LossSums()] += batchSums }
        }
        if let figure = sums.nonFinite {
            throw NonFiniteError(step: step, place: .evaluation(figure))
        }
        if !scores.allSatisfy(\.isFinite) {
            throw NonFiniteError(step: step, place: .evaluation("detection score"))
        }
        var report = EvaluationReport(
            step: step, sums: sums, unigramEntropy: unigramEntropy,
            areaUnderCurve: RankStatistics.areaUnderCurve(scores: scores, labels: labels), samples: samples)
        let masks = sums.maskedCount > 0 || !engine.configuration.objective.name.readsReplacements
        if masks, predicted > 0 {
            report.unigramLoss = unigramEntropy * Double(predicted - visible) / Double(predicted)
        }
        if sumsOfSource.count > 1 {
            report.sources = sumsOfSource.sorted { $0.key < $1.key }.map { SourceEvaluation(path: $0.key, $0.value) }
        }
        return report
    }

    /// Samples wanted of the batches up to one: they are spread, so that not all are of one document or source.
    private func samplesUpTo(_ batch: Int) -> Int {
        // The k-th of n samples comes from the batch at k/n of the way.
        (0..<sampleCount).count { $0 * batches.count / sampleCount <= batch }
    }

    private func sample(
        _ work: ReplacedTokenDetection.Work, _ chunk: ChunkGeometry, _ outcome: ReplacedTokenDetection.Outcome,
        _ segment: Int
    ) -> EvaluationSample {
        // The first and last token of a segment are [CLS] and [SEP].
        let rows = (chunk.segments[segment] + 1)..<max(chunk.segments[segment] + 1, chunk.segments[segment + 1] - 1)
        if outcome.logits.isEmpty { return filled(work, chunk, outcome, rows) }
        return EvaluationSample(
            tokens: rows.map { row in
                let original = work.batch.tokens[chunk.firstRow + row]
                let token = outcome.corrupted[row]
                return EvaluationSample.Token(
                    text: display(token), original: token == original ? nil : display(original),
                    probability: 1 / (1 + exp(-Double(outcome.logits[row]))))
            })
    }

    /// What a model that detects nothing puts into the masks of a text.
    private func filled(
        _ work: ReplacedTokenDetection.Work, _ chunk: ChunkGeometry, _ outcome: ReplacedTokenDetection.Outcome,
        _ rows: Range<Int>
    ) -> EvaluationSample {
        let predictions = Dictionary(outcome.predictions.map { ($0.row, $0) }, uniquingKeysWith: { first, _ in first })
        return EvaluationSample(
            tokens: rows.map { row in
                let original = work.batch.tokens[chunk.firstRow + row]
                guard let guess = predictions[row] else { return EvaluationSample.Token(text: display(original)) }
                return EvaluationSample.Token(
                    text: display(guess.best), original: guess.best == original ? nil : display(original),
                    likelihood: guess.probability)
            })
    }
}
