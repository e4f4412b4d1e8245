import Checkpoints
import Configuration
import Encoder
import Files
import Foundation
import Kernels
import Optimization
import Pretraining
import Runs
import Tokenization

/// One run of fine-tuning, through any number of interruptions.
public final class FineTuningRun {
    public let directory: RunDirectory
    private let configuration: FineTuningConfiguration
    private let pretrained: String
    private let isFromScratch: Bool
    private let threads: Int
    private let progress: ProgressLine
    private let report: (RunEvent<TaskEvaluation>) -> Void

    /// What a finished run came to.
    public struct Result: Codable, Equatable, Sendable {
        public var seed: Int
        /// That were taken.
        public var steps: Int
        /// Of the epoch that was kept.
        public var bestStep: Int
        public var validation: TaskScores
        public var test: TaskScores?
        /// Texts that were cut to the model's length, of all.
        public var truncated: Int
        public var texts: Int
        /// What of the training texts was not seen; nil where there is nothing but texts that were cut.
        public var lost: LostInputs?
        /// How many training texts, or words, have each label; nil where labels have no names.
        public var labels: [String: Int]?

        /// What is told of it: the test's score where there is a test, by what validation is judged by if the test has that.
        public func reported(_ task: TaskConfiguration) -> TaskMetric {
            let metric = task.decidingMetric(of: validation)
            guard let test, test[metric] == nil else { return metric }
            return task.decidingMetric(of: test)
        }
    }

    /// - Parameters:
    ///   - pretrained: a checkpoint of pretraining, or a run directory.
    ///   - isFromScratch: take its shape and tokenizer, and weights by chance: what pretraining is compared with.
    ///   - output: the run directory; created if need be.
    ///   - report: called on the thread of `start`, with the progress line out of the way.
    public init(
        _ configuration: FineTuningConfiguration, pretrained: String, isFromScratch: Bool, output: String, threads: Int,
        progress: ProgressLine, report: @escaping (RunEvent<TaskEvaluation>) -> Void
    ) {
        self.configuration = configuration
        self.pretrained = pretrained
        self.isFromScratch = isFromScratch
        self.threads = threads
        self.progress = progress
        self.report = report
        directory = RunDirectory(path: output)
    }

    private var best: CheckpointDirectory { CheckpointDirectory(path: directory.path + "/best") }

    /// Trains until the last epoch or a signal, and judges the best epoch on the test texts.
    ///
    /// - Returns: nil where a signal stopped it, with the signal's name in `signal`.
    /// - Throws: what stands in the way, after the last good checkpoint was left intact.
    public func start() throws -> (result: Result?, signal: String?) {
        let lock = try directory.open()
        return try withExtendedLifetime(lock) { try run() }
    }

    private func run() throws -> (result: Result?, signal: String?) {
        try ConfigurationReader.check(configuration)
        let model = try LoadedModel(path: pretrained, threads: threads)
        let pool = model.engine.pool
        defer { pool.shutDown() }
        let longest = try Self.longestText(configuration, model.configuration, of: model.reader)
        let data = try TaskData(configuration, tokenizer: model.tokenizer, longestText: longest)
        if data.truncated > 0 {
            report(.note("\(data.truncated) of \(data.texts) texts were cut to \(longest) tokens"))
        }
        for note in data.lost.notes { report(.note(note)) }
        data.labelNote.map { report(.note($0)) }
        let settings = configuration.training
        try Self.checkDropout(configuration, model.configuration, data)
        let steps = settings.epochs * FineTuningWork.stepsPerEpoch(data.training.count, settings)
        try directory.checkpoints.prepare(exclusive: true)
        try best.prepare(exclusive: true)
        // A model without the run that it is the best of would be taken for this one's.
        if try directory.checkpoints.latest() == nil, try best.latest() != nil,
            let folder = try directory.setAside(checkpointsAfter: nil)
        {
            report(.warning("there is a best model and no checkpoint to go on from: what was there is in \(folder)"))
            try directory.checkpoints.prepare(exclusive: true)
            try best.prepare(exclusive: true)
        }
        let engine = try Self.engine(
            configuration, model.configuration, tokenizer: model.tokenizer, data.definition,
            longestText: longest, longestExample: data.longestExample, steps: steps, pool: pool)
        let fresh = FineTuningCheckpoint.Documents(
            configuration: configuration, encoder: model.configuration, tokenizer: Data(model.tokenizer.serialized()),
            state: .init(
                step: 0, labels: data.labels.names, digest: data.digest, longestText: longest, arePairs: data.arePairs,
                numberScale: data.labels.scale,
                origin: try FineTuningOrigin(
                    configuration.task, encoder: isFromScratch ? nil : model.reader, path: pretrained),
                headIsWithoutBase: true))
        let note = { [report] (what: Resumption) in report(what.isWarning ? .warning("\(what)") : .note("\(what)")) }
        var (documents, step) = try directory.resume(.automatic, note: note) {
            reader -> FineTuningCheckpoint.Documents in
            guard let reader else {
                engine.initialize()
                if !isFromScratch {
                    engine.load(model.engine, trainsTokenTypes: try Self.trainsTokenTypes(model))
                }
                return fresh
            }
            let found = try FineTuningCheckpoint.documents(reader)
            try Self.check(found, fresh, path: directory.path)
            try FineTuningCheckpoint.load(reader, into: engine, moments: true)
            return found
        }
        // Of the same texts and the same model, as was checked, where an earlier version began.
        documents.state.origin = documents.state.origin ?? fresh.state.origin
        // A checkpoint is written before its epoch is judged, so what the best came to stands with its model.
        if let step, let kept = try best.latest() {
            var state = try FineTuningCheckpoint.documents(try CheckpointReader(path: kept.path)).state
            // That of a later epoch, whose checkpoint was lost, comes by again, and until then patience has nothing to count from.
            if kept.step > step { (state.bestScore, state.bestStep) = (nil, step) }
            documents.state.bestScore = state.bestScore
            documents.state.bestStep = state.bestStep
            documents.state.metric = state.metric
        }
        try directory.write(
            Data(try ConfigurationWriter.yaml(configuration, comments: true).utf8), to: directory.configuration)
        try directory.write(fresh.tokenizer, to: directory.tokenizer)
        let work = FineTuningWork(documents, data: data, engine: engine, best: best)
        let perEpoch = steps / settings.epochs
        let loop = try RunLoop(
            work, directory: directory,
            plan: RunPlan(
                steps: steps, evaluateEvery: perEpoch, checkpointEvery: perEpoch, checkpointSeconds: 600,
                logEvery: max(1, min(perEpoch / 10, 50)), retention: Retention(keepLast: 2)),
            resumingAfter: step, origin: RunOrigin(program: "pretrain \(programVersion)", threads: threads),
            progress: progress, report: report)
        do {
            switch try loop.run() {
            case .stopped(let signal, _): return (nil, signal)
            case .finished(let step) where step < steps:
                report(.note("stopped after epoch \(step / perEpoch): training.patience"))
            case .finished, .abandoned: break
            }
        } catch RunError.alreadyFinished {}
        return (try judge(data, engine, steps: work.step), nil)
    }

    /// Reads all texts of a task for a model, and does no more.
    ///
    /// - Throws: what would stand in the way of a run.
    static func check(_ configuration: FineTuningConfiguration, pretrained reader: CheckpointReader) throws {
        let model = try TrainingCheckpoint.trainedConfiguration(reader)
        let tokenizer = try Tokenizer(json: Array(try TrainingCheckpoint.tokenizer(reader)))
        try checkLayers(configuration, model)
        let data = try TaskData(
            configuration, tokenizer: tokenizer,
            longestText: try longestText(configuration, model, of: reader))
        try checkDropout(configuration, model, data)
    }

    private static func checkDropout(
        _ configuration: FineTuningConfiguration, _ encoder: RunConfiguration, _ data: TaskData
    ) throws {
        let hasDropout = encoder.model.dropout > 0 || encoder.model.attentionDropout > 0
        if data.training.contains(where: \.isReadTwice), !(configuration.training.dropout.map { $0 > 0 } ?? hasDropout)
        {
            throw InvalidSetting(
                "training.dropout",
                "is 0, and dropout alone tells the two readings of a single text apart; set 0.1, or give pairs")
        }
    }

    private static func checkLayers(_ configuration: FineTuningConfiguration, _ encoder: RunConfiguration) throws {
        let settings = configuration.training
        let layers = encoder.model.discriminatorShape.layerCount
        let used = settings.layers ?? layers
        if used > layers {
            throw InvalidSetting("training.layers", "\(used) is more than the model's \(layers) layers; lower it")
        }
        if settings.frozenLayers > used {
            let limit = settings.layers == nil ? "the model's \(used) layers" : "the \(used) of training.layers"
            throw InvalidSetting("training.frozen_layers", "\(settings.frozenLayers) is more than \(limit); lower it")
        }
        if settings.frozenLayers == used, settings.optimizer == .muon || settings.encoderVector != nil {
            throw InvalidSetting("training.frozen_layers", "leaves nothing of the encoder to move; lower it")
        }
    }

    /// Scores of the best epoch.
    private func judge(_ data: TaskData, _ engine: TaskEngine, steps: Int) throws -> Result {
        guard let newest = try best.latest() else {
            throw TaskError.file(
                path: best.path, "holds no model, though training is done; remove the run and repeat it")
        }
        let reader = try CheckpointReader(path: newest.path)
        let documents = try FineTuningCheckpoint.documents(reader)
        try FineTuningCheckpoint.load(reader, into: engine, moments: false)
        let result = Result(
            seed: configuration.training.seed, steps: steps, bestStep: documents.state.step,
            validation: try engine.scores(data.validation, data.definition),
            test: try data.test.map { try engine.scores($0, data.definition) }, truncated: data.truncated,
            texts: data.texts, lost: data.lost == LostInputs() ? nil : data.lost,
            labels: data.labelCounts.map { counts in
                Dictionary(uniqueKeysWithValues: zip(data.labels.names, counts))
            })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        try directory.write(try encoder.encode(result) + Data("\n".utf8), to: directory.path + "/result.json")
        if (result.test ?? result.validation).predictsOneClass == true {
            report(
                .warning(
                    "the model says the same of all texts: try another training.peak_learning_rate, more epochs"
                        + (configuration.task.kind == .classes ? ", or training.class_weights: balanced" : "")))
        }
        return result
    }

    /// Refuses to go on with something else.
    private static func check(
        _ found: FineTuningCheckpoint.Documents, _ fresh: FineTuningCheckpoint.Documents, path: String
    ) throws {
        var differences = try Self.differences(found.configuration, fresh.configuration)
        if found.state.digest != fresh.state.digest { differences.append("its texts") }
        if found.state.numberScale != fresh.state.numberScale { differences.append("how its numbers are scaled") }
        let ratio = NetworkKind.discriminator.widthRatio(fresh.encoder.model, fresh.encoder.parametrization)
        if ratio != 1, found.state.headIsWithoutBase == nil {
            differences.append("how its head was drawn (an earlier version began it)")
        }
        if found.state.labels != fresh.state.labels { differences.append("the names of its labels") }
        if found.tokenizer != fresh.tokenizer || found.encoder.model != fresh.encoder.model
            || found.encoder.parametrization != fresh.encoder.parametrization
            || found.state.longestText != fresh.state.longestText
        {
            differences.append("the pretrained model")
        } else if let difference = found.state.origin.flatMap({ fresh.state.origin?.difference(from: $0) }) {
            differences.append(difference)
        }
        if !differences.isEmpty { throw TaskError.otherRun(path: path, differences: differences) }
    }

    /// Settings that differ; where files lie is not one, what is in them is looked at apart.
    private static func differences(
        _ old: FineTuningConfiguration, _ new: FineTuningConfiguration
    ) throws -> [String] {
        let free: Set = ["train", "validation", "test"]
        func keys(_ configuration: FineTuningConfiguration) throws -> [ConfigurationKey] {
            var configuration = configuration
            // Saying what is the kind's own anyway is no difference.
            configuration.task.labelField = configuration.task.labelName
            configuration.training.pooling = configuration.pooling
            return try ConfigurationDocumentation(of: configuration).keys
        }
        let (before, after) = (try keys(old), try keys(new))
        // What nothing reads may go, as a file that asks for it is refused; earlier versions took it.
        let unread = Set(try ConfigurationReader.unread(old).keys).intersection(
            try ConfigurationReader.unread(new).keys)
        return zip(before, after).filter {
            !free.contains($0.path) && !unread.contains($0.path) && $0.defaultValue != $1.defaultValue
        }.map {
            "\($0.path) (\($0.defaultValue), now \($1.defaultValue))"
        }
    }

    /// Whether the second texts of pairs have been read with a type of their own before.
    static func trainsTokenTypes(_ model: LoadedModel) throws -> Bool {
        try TrainingCheckpoint.state(model.reader).trainsTokenTypes(in: model.configuration)
    }

    /// Most tokens of a text: what the encoder was pretrained with, unless the settings have another length. Later rows of a position
    /// table would be as they were drawn.
    ///
    /// - Parameter imported: tokens that a model takes which nothing has trained since it was imported; nil for others.
    /// - Throws: `InvalidSetting` for a length that the model does not have, and for windows that would hardly move on.
    static func longestText(
        _ configuration: FineTuningConfiguration, _ model: RunConfiguration, imported: Int? = nil
    ) throws -> Int {
        let positions = model.model.positions == .learned ? model.model.maximumPositions : .max
        let trained = (positions < .max ? imported : nil) ?? model.corpus.sequenceLength
        let longest = configuration.training.maximumLength ?? min(positions, trained)
        if longest > positions {
            throw InvalidSetting(
                "training.maximum_length", "\(longest) is more than the model's \(positions) positions; lower it")
        }
        if let overlap = configuration.training.windowOverlap, overlap > longest / 2 {
            throw InvalidSetting(
                "training.window_overlap", "\(overlap) is more than half of the \(longest) tokens of a text; lower it")
        }
        return longest
    }

    /// The same for the model of a checkpoint.
    static func longestText(
        _ configuration: FineTuningConfiguration, _ model: RunConfiguration, of reader: CheckpointReader
    ) throws -> Int {
        let isImported = try TrainingCheckpoint.untrainedOrigin(reader) != nil
        return try longestText(
            configuration, model, imported: isImported ? try TrainingCheckpoint.trainedLength(reader) : nil)
    }

    static func engine(
        _ configuration: FineTuningConfiguration, _ encoder: RunConfiguration, tokenizer: Tokenizer,
        _ definition: any TaskDefinition,
        longestText: Int, longestExample: Int = 0, steps: Int, trains: Bool = true, pool: ThreadPool
    ) throws -> TaskEngine {
        let settings = configuration.training
        try checkLayers(configuration, encoder)
        var optimizer = OptimizerConfiguration()
        optimizer.peakLearningRate = settings.peakLearningRate
        optimizer.warmupSteps = Int((settings.warmupFraction * Double(steps)).rounded())
        optimizer.weightDecay = settings.weightDecay
        if settings.optimizer == .muon {
            optimizer.kind = .muon
            optimizer.muon.peakLearningRate = settings.muonLearningRate
            optimizer.muon.weightDecay = settings.weightDecay
        }
        optimizer.clipNorm = settings.clipNorm
        var shape = encoder.model
        if let dropout = settings.dropout { (shape.dropout, shape.attentionDropout) = (dropout, dropout) }
        let model = TaskModel(
            model: shape, parametrization: encoder.parametrization, vocabularySize: tokenizer.vocabularySize,
            longestText: longestText, chunkTokens: settings.chunkTokens, outputCount: definition.outputCount,
            pooling: configuration.pooling, longestExample: longestExample,
            readsTokens: type(of: definition).readsTokens, givesVectors: type(of: definition).givesVectors,
            encoderUse: settings.encoderUse)
        try model.checkMemory(
            shape, optimizer: trains ? optimizer.kind : nil, precision: settings.precision, threads: pool.threadCount)
        var parametrization = encoder.parametrization
        if let factor = settings.embeddingLearningRateFactor {
            parametrization.embeddingLearningRateMultiplier = factor
        }
        return TaskEngine(
            model, optimizer: optimizer, parametrization: parametrization, layerDecay: settings.layerDecay,
            headFactor: settings.headLearningRateFactor, steps: steps, seed: settings.seed,
            precision: settings.precision, contrast: definition.contrast, pool: pool)
    }
}

/// A fine-tuned model, opened for use.
public struct FineTunedModel {
    public let path: String
    public let labels: [String]
    /// The same where texts or words are given them: none for answers.
    public var namedLabels: [String] { type(of: definition).hasNames ? labels : [] }
    public let configuration: FineTuningConfiguration
    /// Of the run that trained the encoder.
    public let encoder: RunConfiguration
    public let tokenizer: Tokenizer
    /// Of the labelled texts.
    public let digest: UInt64
    /// On the validation texts, of the epoch that was kept.
    public let bestScore: Double?
    /// What that is.
    public let metric: String
    /// Of the checkpoint.
    public let step: Int
    /// What it was made of; nil for one of an earlier version, which kept no record of it.
    public let origin: FineTuningOrigin?
    /// How its numbers are learned; nil for other kinds, and where they are learned as they are.
    public let numberScale: NumberScale?
    /// Whether its texts were pairs; nil where its kind does not ask, or an earlier version has not kept it.
    private let arePairs: Bool?
    let engine: TaskEngine
    let definition: any TaskDefinition

    /// - Parameter path: a run directory of fine-tuning, whose best epoch is taken, or a checkpoint.
    public init(path: String, threads: Int) throws {
        let reader = try Self.reader(of: path)
        let documents = try FineTuningCheckpoint.documents(reader)
        self.path = reader.path
        labels = documents.state.labels
        (digest, bestScore) = (documents.state.digest, documents.state.bestScore)
        (step, origin) = (documents.state.step, documents.state.origin)
        metric = documents.state.metric ?? documents.configuration.task.decidingMetric.rawValue
        configuration = documents.configuration
        encoder = documents.encoder
        arePairs = documents.state.arePairs
        definition = configuration.task.kind.definition.init(
            configuration, labels: TaskLabels(names: labels, scale: documents.state.numberScale))
        numberScale = documents.state.numberScale
        tokenizer = try Tokenizer(json: Array(documents.tokenizer))
        engine = try FineTuningRun.engine(
            documents.configuration, documents.encoder, tokenizer: tokenizer, definition,
            longestText: try documents.longestText, steps: 1,
            trains: false, pool: .reserving(threadCount: threads))
        try FineTuningCheckpoint.load(reader, into: engine, moments: false)
    }

    /// What is said of a text.
    public struct Prediction: Codable, Equatable, Sendable {
        public var label: String?
        /// Where a text has any number of them, or one for every word.
        public var labels: [String]?
        /// Parts of the text.
        public var spans: [TextSpan]?
        /// Empty where there is none.
        public var answer: String?
        /// The answer's first character in the context, as Python counts them.
        public var start: Int?
        /// How much likelier the answer is than none, as a difference of logits.
        public var score: Double?
        /// Of the answer, or of there being none, among all that there might be.
        public var probability: Double?
        public var probabilities: [String: Double]?
        /// Of every word's label.
        public var wordProbabilities: [Double]?
        public var number: Double?

        public init(
            label: String? = nil, labels: [String]? = nil, spans: [TextSpan]? = nil, answer: String? = nil,
            start: Int? = nil, score: Double? = nil, probability: Double? = nil, probabilities: [String: Double]? = nil,
            wordProbabilities: [Double]? = nil, number: Double? = nil
        ) {
            self.probability = probability
            self.wordProbabilities = wordProbabilities
            self.label = label
            self.labels = labels
            self.spans = spans
            self.answer = answer
            self.start = start
            self.score = score
            self.probabilities = probabilities
            self.number = number
        }
    }

    /// Symmetric pairs are read in both orders; what is said of them is the mean.
    ///
    /// - Parameters:
    ///   - path: where the texts come from, for errors.
    ///   - progress: told how many are done.
    /// - Returns: predictions in the order of the texts, how many texts were cut, and how many tokens the vocabulary has nothing
    ///   for.
    /// - Throws: `TaskError` for a single text where the model reads pairs, and the other way round.
    public func predict(
        _ rows: [TaskRow], of path: String = "texts", progress: (Int) -> Void = { _ in }
    ) throws -> (predictions: [Prediction], truncated: Int, unknown: Int) {
        var encoder = try TaskEncoder(tokenizer, longestText: engine.model.longestText)
        let items = try rows.map { try item($0, &encoder, of: path) }
        let predictions = zip(items, try engine.outputs(items, progress: progress)).map {
            definition.prediction($0, $1)
        }
        return (predictions, encoder.truncated, tokenizer.unknownTokens(in: items))
    }

    /// Finds out what is wrong with any text, for those who label them part by part.
    ///
    /// - Throws: as `predict`.
    public func check(_ rows: [TaskRow], of path: String = "texts") throws {
        var encoder = try TaskEncoder(tokenizer, longestText: engine.model.longestText)
        for row in rows { _ = try item(row, &encoder, of: path) }
    }

    private func item(_ row: TaskRow, _ encoder: inout TaskEncoder, of path: String) throws -> TaskItem {
        if let arePairs, (row.pair != nil) != arePairs {
            throw TaskError.row(
                path: path, line: row.line,
                arePairs
                    ? "has no second text, and the model was trained on pairs (--pair-field names where it stands)"
                    : "has a second text, and the model was trained on single texts; leave it out, or name it otherwise"
            )
        }
        // A label that is there anyway may be one that the model does not know.
        let item = try definition.item(row.withoutLabel, &encoder, for: .judging, path: path)
        if item.isReadTwice {
            throw TaskError.row(
                path: path, line: item.row.line,
                "has no second text: the model says how alike two are (pretrain embed gives the vectors of single ones)"
            )
        }
        return item
    }
}
