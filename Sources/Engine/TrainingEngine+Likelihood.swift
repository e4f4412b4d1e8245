import Corpus
import Encoder
import Foundation
import Kernels
import Objectives

/// How likely a model finds sentences.
extension TrainingEngine {
    /// A sentence as the model reads it.
    public struct Sentence: Sendable, Equatable {
        /// `[CLS] tokens… [SEP]`.
        public var tokens: [Int32]
        /// Whether each token begins a word.
        public var beginsWord: [Bool]

        public init(tokens: [Int32], beginsWord: [Bool]) {
            precondition(tokens.count == beginsWord.count)
            self.tokens = tokens
            self.beginsWord = beginsWord
        }
    }

    /// Sequences that are worked on between looks at signals.
    private static let copiesAtATime = 512

    /// Pseudo-log-likelihoods (Salazar et al. 2020, arXiv 1910.14659): the sum over tokens of log p(token | the others), each
    /// masked in turn by the generator, or by a masked language model. Of words of several tokens those behind the one at hand are masked
    /// too (Kauf & Ivanova 2023, arXiv 2305.10588: within-word left to right), as they would give it away.
    ///
    /// - Throws: `CancellationError`.
    public func pseudoLogLikelihoods(
        _ sentences: [Sentence], progress: (_ done: Double) -> Void = { _ in }
    ) throws -> [Double] {
        var copies: [(sentence: Int, place: Int)] = []
        for (index, sentence) in sentences.enumerated() {
            for place in sentence.tokens.indices where !special.neverMasked.contains(sentence.tokens[place]) {
                copies.append((index, place))
            }
        }
        var sums = [Double](repeating: 0, count: sentences.count)
        for start in stride(from: 0, to: copies.count, by: Self.copiesAtATime) {
            let part = copies[start..<min(start + Self.copiesAtATime, copies.count)]
            var batch = TokenBatch()
            var rows: [Int] = []
            for (index, place) in part {
                let sentence = sentences[index]
                rows.append(batch.tokens.count + place)
                var tokens = sentence.tokens
                var masked = place
                repeat {
                    tokens[masked] = special.mask
                    masked += 1
                } while masked < tokens.count && !sentence.beginsWord[masked]
                    && !special.neverMasked.contains(tokens[masked])
                batch.tokens += tokens
                batch.sequenceOffsets.append(batch.tokens.count)
            }
            batch.segmentOffsets = batch.sequenceOffsets
            let targets = part.map { sentences[$0.sentence].tokens[$0.place] }
            let first = rows
            let results = try forward(batch) { [objective, batch] chunk, pass in
                let range = chunk.firstRow..<chunk.firstRow + chunk.tokenCount
                let members = first.indices.filter { range.contains(first[$0]) }
                return objective.maskedLogProbabilities(
                    Array(batch.tokens[range]), rows: members.map { Int32(first[$0] - chunk.firstRow) },
                    targets: members.map { targets[$0] }, pass)
            }
            for ((index, _), value) in zip(part, results.flatMap(\.self)) { sums[index] += value }
            progress(Double(start + part.count) / Double(copies.count))
        }
        return sums
    }

    /// The sum over tokens of log p(original) by the detector.
    ///
    /// - Throws: `CancellationError`.
    public func detectionLogLikelihoods(
        _ sentences: [Sentence], progress: (_ done: Double) -> Void = { _ in }
    ) throws -> [Double] {
        let never = special.neverMasked
        return try zip(sentences, detectionLogits(sentences.map(\.tokens), progress: progress)).map {
            sentence, logits in
            zip(sentence.tokens, logits).reduce(0) { sum, token in
                // log(1 − σ(x)) = −log(1 + eˣ)
                never.contains(token.0) ? sum : sum - Kernels.binaryCrossEntropy(logit: token.1, label: false)
            }
        }
    }

    /// The sum over tokens of log p(token | the sentence as it is) by a main encoder that corrects tokens.
    ///
    /// - Throws: `CancellationError`.
    public func correctionLogLikelihoods(
        _ sentences: [Sentence], progress: (_ done: Double) -> Void = { _ in }
    ) throws -> [Double] {
        let never = special.neverMasked
        return try perSequence(sentences.map(\.tokens), progress) { [objective] tokens, chunk, pass in
            let values = objective.correctionLogProbabilities(tokens, pass)
            return chunk.ranges.map { rows in
                rows.reduce(0) { never.contains(tokens[$1]) ? $0 : $0 + values[$1] }
            }
        }
    }

    /// Carries a batch through `body`, chunk by chunk, without dropout and gradients.
    ///
    /// - Returns: what `body` returned, in the order of chunks.
    func forward<Result: Sendable>(
        _ batch: TokenBatch, _ body: @escaping @Sendable (ChunkGeometry, LanePass) -> Result
    ) throws -> [Result] {
        let limits = objective.model.limits
        let plan = LanePlan(
            batch, laneCount: isDivided ? 1 : laneCount, chunkTokens: limits.tokens,
            chunkSequences: limits.sequences)
        let cancellation = isCancelled.map(PassCancellation.init)
        let tasks = plan.tasks(summingGradients: false, isDivided: isDivided)
        let results = TaskResults<[Result]>(count: tasks.count)
        if isDivided {
            results[0] = tasks[0].compactMap { chunk in
                if cancellation?.cuts() ?? false { return nil }
                var pass = dividedPass(chunk, dropout: nil)
                pass.cancellation = cancellation
                return body(chunk, pass)
            }
        } else {
            pool.run(tasks.count) { [state, arenas, products] task, worker in
                results[task] = tasks[task].map { chunk in
                    var pass = LanePass(
                        weights: state.weights.base, gradients: nil, arena: arenas[worker].base, dropout: nil,
                        chunk: chunk)
                    pass.products = products
                    pass.cancellation = cancellation
                    return body(chunk, pass)
                }
            }
        }
        if cancellation?.wasCut ?? false { throw CancellationError() }
        return tasks.indices.flatMap { results[$0] ?? [] }
    }
}
