import Checkpoints
import Corpus
import Engine
import Foundation
import Kernels
import Runs
import Tokenization

/// Fine-tuning while it is under way.
final class FineTuningWork: RunWork {
    private let configuration: FineTuningConfiguration
    private let documents: FineTuningCheckpoint.Documents
    private let data: TaskData
    private let engine: TaskEngine
    private let best: CheckpointWriter
    private var state: FineTuningCheckpoint.State

    var step: Int { state.step }
    /// After as many epochs without a better one as patience has.
    var isDone: Bool {
        guard let patience = configuration.training.patience, let bestStep = state.bestStep else { return false }
        return (state.step - bestStep) / stepsPerEpoch >= patience
    }

    /// - Parameters:
    ///   - documents: of the checkpoint that is gone on from, or of a new run.
    ///   - best: where the best epoch's model is kept.
    init(
        _ documents: FineTuningCheckpoint.Documents, data: TaskData, engine: TaskEngine, best: CheckpointDirectory
    ) {
        configuration = documents.configuration
        self.documents = documents
        state = documents.state
        self.data = data
        self.engine = engine
        self.best = CheckpointWriter(directory: best, retention: Retention(keepLast: 1))
        // A process that was killed may have left the one before; what cannot be removed now is removed with the next.
        if let bestStep = documents.state.bestStep { _ = try? self.best.prune(newest: bestStep) }
        engine.isCancelled = { TerminationSignals.pending != nil }
    }

    static func stepsPerEpoch(_ texts: Int, _ settings: FineTuningSettings) -> Int {
        (texts + settings.batchSize - 1) / settings.batchSize
    }

    private var stepsPerEpoch: Int { Self.stepsPerEpoch(data.training.count, configuration.training) }

    /// The texts of a step, counted from 0: a function of seed and step.
    private func texts(ofStep index: Int) -> [TaskExample] {
        let epoch = index / stepsPerEpoch
        if order?.epoch != epoch {
            let random = CounterRandom(
                seed: UInt64(configuration.training.seed), purpose: .documentOrder, source: 0, epoch: epoch)
            order = (epoch, random.permutation(data.training.count))
        }
        let first = index % stepsPerEpoch * configuration.training.batchSize
        let last = min(first + configuration.training.batchSize, data.training.count)
        return (order?.texts[first..<last] ?? []).flatMap { data.training[Int($0)].examples }
    }
    private var order: (epoch: Int, texts: [Int32])?

    func advance() throws -> StepResult<TaskStepRecord> {
        let started = ContinuousClock.now
        let texts = texts(ofStep: state.step)
        let outcome = try engine.train(texts, step: state.step + 1)
        state.step += 1
        let seconds = started.duration(to: .now) / .seconds(1)
        return .taken(
            TaskStepRecord(
                loss: outcome.loss, learningRate: outcome.learningRate, gradientNorm: outcome.gradientNorm,
                textsPerSecond: Double(texts.count) / seconds,
                tokensPerSecond: Double(texts.reduce(0) { $0 + $1.tokenCount }) / seconds,
                epoch: Double(state.step) / Double(stepsPerEpoch)))
    }

    func evaluate() throws -> TaskEvaluation? {
        try engine.checkWeights(step: state.step)
        let scores = try engine.scores(data.validation, data.definition)
        let metric = configuration.task.decidingMetric(of: scores)
        let score = scores[metric]
        // The first is, whatever it has come to. A resumed run may come by an epoch once more, which then is the best again.
        let isBest =
            state.bestStep == nil || state.bestStep == state.step
            || score ?? -.infinity > state.bestScore ?? -.infinity
        if isBest {
            state.bestScore = score
            state.bestStep = state.step
            state.metric = metric.rawValue
            var documents = documents
            documents.state = state
            try best.writeInBackground(try FineTuningCheckpoint.contents(engine, documents, moments: false))
            _ = try best.finish()
        }
        return TaskEvaluation(
            step: state.step, epoch: state.step / stepsPerEpoch, validation: scores, isBest: isBest)
    }

    func checkpoint() throws -> CheckpointContents? {
        var documents = documents
        documents.state = state
        try engine.checkWeights(step: state.step)
        try engine.checkMoments(step: state.step)
        return try FineTuningCheckpoint.contents(engine, documents, moments: true)
    }
}

extension TaskEngine {
    /// How many texts are worked on between looks at signals.
    private static let textsAtATime = 256

    /// Outputs for items, of each of their examples, in their order.
    ///
    /// - Parameter dropout: for outputs as training sees them.
    /// - Throws: `CancellationError`.
    func outputs(
        _ items: [TaskItem], dropout: DropoutStream? = nil, progress: (Int) -> Void = { _ in }
    ) throws -> [[[Float]]] {
        let examples = items.flatMap(\.examples)
        var results: [[Float]] = []
        for start in stride(from: 0, to: examples.count, by: Self.textsAtATime) {
            let part = examples[start..<min(start + Self.textsAtATime, examples.count)]
            results += try predict(Array(part), dropout: dropout).map(\.outputs)
            progress(results.count * items.count / examples.count)
        }
        var rest = results[...]
        return items.map { item in
            defer { rest = rest.dropFirst(item.examples.count) }
            return Array(rest.prefix(item.examples.count))
        }
    }

    /// - Parameter items: with labels.
    func scores(_ items: [TaskItem], _ definition: some TaskDefinition) throws -> TaskScores {
        // Of what dropout alone tells apart; no step of training draws the same.
        let dropout = items.contains(where: \.isReadTwice) ? DropoutStream(seed: seed, step: 0) : nil
        return definition.scores(items, try outputs(items, dropout: dropout))
    }
}

extension [Float] {
    var indexOfLargest: Int { indices.max { self[$0] < self[$1] } ?? 0 }
}
