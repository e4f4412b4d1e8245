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
        return (order?.texts[first..<last] ?? []).map { data.training[Int($0)] }
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
                tokensPerSecond: Double(texts.reduce(0) { $0 + $1.tokens.count }) / seconds,
                epoch: Double(state.step) / Double(stepsPerEpoch)))
    }

    func evaluate() throws -> TaskEvaluation? {
        let scores = try engine.scores(data.validation, labels: data.labels, orders: data.orders)
        let score = scores[configuration.task.decidingMetric] ?? -.infinity
        // A resumed run may come by an epoch once more, which then is the best again.
        let isBest = score > state.bestScore ?? -.infinity || state.bestStep == state.step
        if isBest {
            state.bestScore = score
            state.bestStep = state.step
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
        return try FineTuningCheckpoint.contents(engine, documents, moments: true)
    }
}

extension TaskEngine {
    /// How many texts are worked on between looks at signals.
    private static let textsAtATime = 256

    /// Outputs for texts, in their order.
    ///
    /// - Throws: `CancellationError`.
    func outputs(
        _ texts: [TaskExample], progress: (Int) -> Void = { _ in }
    ) throws -> [(outputs: [Float], loss: Double)] {
        var results: [(outputs: [Float], loss: Double)] = []
        for start in stride(from: 0, to: texts.count, by: Self.textsAtATime) {
            results += try predict(Array(texts[start..<min(start + Self.textsAtATime, texts.count)]))
            progress(results.count)
        }
        return results
    }

    /// - Parameters:
    ///   - texts: with labels, each in all its orders, one after another.
    ///   - orders: how many; what is said of a text is the mean of all, the loss is theirs.
    func scores(_ texts: [TaskExample], labels: TaskLabels, orders: Int) throws -> TaskScores {
        let results = try outputs(texts)
        let said = results.map(\.outputs)
        let targets = stride(from: 0, to: texts.count, by: orders).map { texts[$0].target }
        let loss = results.map(\.loss).reduce(0, +) / Double(max(results.count, 1))
        if labels.names.isEmpty {
            return TaskScores(
                loss: loss, predicted: OrderMeans.numbers(said, orders: orders),
                numbers: targets.map { if case .number(let number)? = $0 { number } else { 0 } })
        }
        return TaskScores(
            loss: loss, predicted: OrderMeans.labels(said, orders: orders),
            labels: targets.map { if case .label(let label)? = $0 { label } else { 0 } },
            classCount: labels.names.count)
    }
}

extension [Float] {
    var indexOfLargest: Int { indices.max { self[$0] < self[$1] } ?? 0 }
}
