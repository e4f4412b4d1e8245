import Checkpoints
import Configuration
import Corpus
import Engine
import FineTuning
import Formatting
import Foundation
import Objectives
import Pretraining
import Runs
import Tokenization

/// Reads a run's directory, and only reads it; again and again while the run goes on, keeping what has not changed.
public final class RunReader {
    public struct Options: Sendable {
        /// Points of a curve, at most.
        public var points = 800
        /// Whether the newest checkpoint's weights are read, for neighbours, and for samples where the run has kept none.
        public var readsWeights = true
        /// Whether a model without kept samples is evaluated for some.
        public var evaluates = true
        /// Words to show the neighbours of; empty: some of the vocabulary's.
        public var words: [String] = []
        /// That evaluate, where samples have to be made.
        public var threads = 1

        public init() {}
    }

    private let directory: RunDirectory
    private let name: String
    private let options: Options
    private var metrics: MetricsReader
    /// Of the newest checkpoint that could be read.
    private var checkpoint: NewestCheckpoint?
    /// Of checkpoints that were read before, by path and the time at which their folder was last changed.
    private var known: [String: CheckpointFacts] = [:]

    /// - Parameter name: in the report.
    public init(path: String, name: String, options: Options = Options()) {
        directory = RunDirectory(path: path)
        self.name = name
        self.options = options
        metrics = MetricsReader(path: directory.metrics)
    }

    /// What the run is now.
    ///
    /// - Throws: `ReportError` where it is no run's directory; `MetricsReadingError`.
    public func facts(now: Double = Date().timeIntervalSince1970) throws -> RunFacts {
        let manager = FileManager.default
        // One that is just being set up, or trains its tokenizer, has neither yet, but a lock.
        guard
            [directory.metrics, directory.configuration, directory.path + "/" + RunLock.fileName].contains(
                where: manager.fileExists)
        else {
            throw ReportError.notARun(path: directory.path)
        }
        var missing: [String] = []
        if manager.fileExists(atPath: directory.metrics) { _ = try metrics.read() }
        let entries = JournalEntry.entries(path: directory.journal)
        if entries.isEmpty {
            missing.append("Machine and processor time: the run has no journal, which earlier versions did not write.")
        }
        let checkpoints = self.checkpoints()
        let told = configuration(&missing)
        var configuration: RunConfiguration?
        var isFineTuning = false
        switch told {
        case .pretraining(let found)?: configuration = found
        case .fineTuning?: isFineTuning = true
        case nil: break
        }
        // Checkpoints of fine-tuning hold neither a corpus nor a loader.
        if !isFineTuning {
            refreshCheckpoint(checkpoints.last { $0.problem == nil }, &missing)
            configuration = configuration ?? checkpoint?.documents.configuration
        }
        let sessions = SessionFacts.sessions(entries)
        let tokenizer = tokenizer()
        let model = configuration.map { self.model($0, vocabularySize: tokenizer?.vocabularySize) }
        let step = max(
            metrics.training.steps.last ?? 0, metrics.evaluations.steps.last ?? 0, checkpoints.last?.step ?? 0)
        let status = status(step: step, steps: configuration?.training.steps, sessions: sessions, now: now)
        let progress = progress(step: step, configuration, status)
        let isRunning = status.state == .running
        // None says that held-out text is to be shown nowhere.
        let sentences = (configuration?.evaluation ?? EvaluationConfiguration()).samples
        var samples = sentences > 0 ? storedSamples() : []
        if samples.isEmpty, sentences > 0, options.readsWeights, options.evaluates {
            samples = evaluatedSamples(sentences, &missing)
        }
        if !options.readsWeights, checkpoint != nil { missing.append("Nearest neighbours: the weights were not read.") }
        return RunFacts(
            name: name, path: directory.path, status: status, progress: progress, model: model,
            configuration: try told?.facts(), corpus: corpus(configuration),
            tokenizer: tokenizer, sessions: sessions,
            cost: CostFacts(
                sessions, seconds: progress.seconds, isRunning: isRunning,
                flops: model?.flopsPerToken.map { $0 * Double(progress.tokens) }),
            curves: CurveFacts(metrics, points: options.points),
            heldOut: metrics.evaluations.values.compactMapValues { $0.last.flatMap { $0.isFinite ? $0 : nil } },
            samples: samples, neighbours: neighbours(&missing),
            alarms: AlarmFacts.alarms(
                entries, reader: metrics, sessions: sessions, isRunning: isRunning, checkpoints: checkpoints),
            checkpoints: checkpoints,
            commands: NextCommand.after(directory.path, status, model, isFineTuning: isFineTuning),
            missing: missing)
    }

    // MARK: - Parts

    private func checkpoints() -> [CheckpointFacts] {
        let before = known
        known = [:]
        return ((try? directory.checkpoints.entries()) ?? []).compactMap { entry in
            let attributes = try? FileManager.default.attributesOfItem(atPath: entry.path)
            let written = (attributes?[.modificationDate] as? Date).map { "\(entry.path) \($0.timeIntervalSince1970)" }
            if let written, let facts = before[written] {
                known[written] = facts
                return facts
            }
            do {
                let manifest = try CheckpointReader(path: entry.path).manifest
                let facts = CheckpointFacts(
                    step: entry.step, path: entry.path, created: manifest.created, storedBytes: manifest.storedBytes,
                    program: manifest.metadata["program"], linearAlgebra: manifest.metadata["linear_algebra"])
                if let written { known[written] = facts }
                return facts
            } catch {
                // The run may have removed it since the list was made.
                guard FileManager.default.fileExists(atPath: entry.path) else { return nil }
                return CheckpointFacts(step: entry.step, path: entry.path, problem: "\(error)")
            }
        }
    }

    private func refreshCheckpoint(_ newest: CheckpointFacts?, _ missing: inout [String]) {
        guard let newest else {
            checkpoint = nil
            missing.append("Corpus and neighbours: there is no checkpoint yet.")
            return
        }
        if checkpoint?.path == newest.path, checkpoint?.created == newest.created { return }
        do {
            checkpoint = try NewestCheckpoint(path: newest.path)
        } catch {
            checkpoint = nil
            missing.append("Corpus and neighbours: \(error)")
        }
    }

    /// What a run was told: of pretraining, or of fine-tuning.
    private enum Told {
        case pretraining(RunConfiguration)
        case fineTuning(FineTuningConfiguration)

        func facts() throws -> ConfigurationFacts {
            switch self {
            case .pretraining(let configuration): try ConfigurationFacts(configuration)
            case .fineTuning(let configuration):
                try ConfigurationFacts(configuration, usually: FineTuningConfiguration())
            }
        }
    }

    private func configuration(_ missing: inout [String]) -> Told? {
        let path = directory.configuration
        guard let data = FileManager.default.contents(atPath: path) else {
            return (checkpoint?.documents.configuration).map(Told.pretraining)
        }
        do {
            return .pretraining(try RunConfiguration.resolve(file: path).configuration)
        } catch {
            var fineTuning = FineTuningConfiguration()
            let yaml = String(decoding: data, as: UTF8.self)
            if (try? ConfigurationReader.read(yaml: yaml, origin: path, into: &fineTuning)) != nil {
                return .fineTuning(fineTuning)
            }
            let lines = "\(error)".split(separator: "\n")
            missing.append(
                "Configuration: \(lines.first ?? "")" + (lines.count > 1 ? " (and \(lines.count - 1) more)" : ""))
            return (checkpoint?.documents.configuration).map(Told.pretraining)
        }
    }

    private func model(_ configuration: RunConfiguration, vocabularySize: Int?) -> ModelFacts {
        let model = configuration.model
        let attended = model.meanAttendedTokens(segments: [configuration.corpus.sequenceLength])
        return ModelFacts(
            objective: configuration.objective.name.rawValue, preset: model.preset,
            parameters: checkpoint?.parameters, layers: model.layerCount, hiddenSize: model.hiddenSize,
            heads: model.headCount, sequenceLength: configuration.corpus.sequenceLength,
            sequencesPerStep: configuration.training.sequencesPerStep,
            precision: configuration.training.precision.rawValue, seed: configuration.training.seed,
            flopsPerToken: vocabularySize.map {
                ModelCost.flopsPerToken(configuration.engine, vocabularySize: $0, attendedTokens: attended)
            },
            detects: configuration.objective.name.detects || configuration.objective.name.isGated)
    }

    private func tokenizer() -> TokenizerFacts? {
        guard let data = FileManager.default.contents(atPath: directory.tokenizer),
            let tokenizer = checkpoint?.tokenizer ?? (try? Tokenizer(json: Array(data)))
        else { return nil }
        return TokenizerFacts(
            vocabularySize: tokenizer.vocabularySize, kind: tokenizer.kind.rawValue,
            addedTokens: tokenizer.addedTokenList.map(\.content),
            sha256: data.withUnsafeBytes { SHA256Hasher.digest($0) })
    }

    private func corpus(_ configuration: RunConfiguration?) -> CorpusFacts? {
        guard let documents = checkpoint?.documents else { return nil }
        return CorpusFacts(documents, sources: configuration?.corpus.sources ?? documents.configuration.corpus.sources)
    }

    private func status(step: Int, steps: Int?, sessions: [SessionFacts], now: Double) -> RunStatus {
        let changed = [directory.metrics, directory.journal].compactMap { path -> Double? in
            let values = try? FileManager.default.attributesOfItem(atPath: path)
            return (values?[.modificationDate] as? Date)?.timeIntervalSince1970
        }.max()
        if let outcome = sessions.last?.outcome.flatMap(JournalEntry.Outcome.init(rawValue:)) {
            let state: RunStatus.State =
                switch outcome {
                case .finished: .finished
                case .stopped: .stopped
                case .abandoned: .abandoned
                case .failed: .failed
                }
            return RunStatus(state: state, message: sessions.last?.message, updated: sessions.last?.ended)
        }
        // Of fine-tuning the result is written last.
        let isJudged = FileManager.default.fileExists(atPath: directory.path + "/result.json")
        if sessions.isEmpty, isJudged || steps.map({ step >= $0 }) == true {
            return RunStatus(state: .finished, updated: changed)
        }
        guard let changed else { return RunStatus(state: .empty) }
        // A step, or an evaluation, may take longer than anything that can be guessed from the log.
        if RunLock.isSeenHeld(runDirectory: directory.path) { return RunStatus(state: .running, updated: changed) }
        // A line of the log may be long in coming: so long as the last ones were, several times over.
        let seconds = metrics.training.seconds.suffix(10)
        let pace = seconds.count > 1 ? ((seconds.last ?? 0) - (seconds.first ?? 0)) / Double(seconds.count - 1) : 0
        return RunStatus(state: now - changed < max(180, 5 * pace) ? .running : .interrupted, updated: changed)
    }

    private func progress(step: Int, _ configuration: RunConfiguration?, _ status: RunStatus) -> RunProgress {
        let table = metrics.training
        let steps = configuration?.training.steps
        let sizes = configuration?.stepSizes ?? .even
        var left: Double?
        if let steps, step < steps, status.state != .finished, table.count > 1 {
            let first = max(0, table.count - 20)
            let taken = sizes.total(after: table.steps[first], through: table.steps[table.count - 1])
            if taken > 0 {
                let seconds = table.seconds[table.count - 1] - table.seconds[first]
                left = seconds / taken * sizes.total(after: step, through: steps)
            }
        }
        let seconds = max(table.seconds.last ?? 0, metrics.evaluations.seconds.last ?? 0)
        return RunProgress(
            step: step, steps: steps, tokens: table.tokens.last ?? 0, seconds: seconds,
            secondsAreEstimated: !metrics.hasSeconds && !table.isEmpty, secondsLeft: left)
    }

    /// The newest evaluation's samples and those of three before, spread over the run.
    private func storedSamples() -> [SampleFacts] {
        struct Line: Decodable {
            var step: Int
            var samples: [EvaluationSample]
        }
        let lines = (FileManager.default.contents(atPath: directory.samples) ?? Data())
            .split(separator: UInt8(ascii: "\n"))
        guard !lines.isEmpty else { return [] }
        let places = Set([lines.count - 1, (lines.count - 1) * 2 / 3, (lines.count - 1) / 3, 0])
        return places.sorted(by: >).compactMap { place in
            guard let line = try? JSONDecoder().decode(Line.self, from: Data(lines[place])) else { return nil }
            return SampleFacts(step: line.step, samples: line.samples)
        }
    }

    private func evaluatedSamples(_ count: Int, _ missing: inout [String]) -> [SampleFacts] {
        guard let checkpoint else { return [] }
        return kept(\.samples, of: checkpoint, &missing) {
            let model = try LoadedModel(path: checkpoint.path, threads: options.threads)
            defer { model.engine.pool.shutDown() }
            var configuration = model.configuration
            configuration.evaluation.tokens = 4096
            configuration.evaluation.samples = count
            let step = try TrainingCheckpoint.state(model.reader).step
            let report = try Evaluator(configuration, of: model).evaluate(model.engine, step: step)
            return .init(facts: report.samples.map { [SampleFacts(step: step, samples: $0)] } ?? [])
        } orElse: {
            "Sample sentences: \($0)"
        }
    }

    private func neighbours(_ missing: inout [String]) -> [NeighbourFacts] {
        guard options.readsWeights, let checkpoint else { return [] }
        return kept(\.neighbours, of: checkpoint, &missing) {
            let table = try WordTable(CheckpointReader(path: checkpoint.path))
            let facts = table?.neighbours(checkpoint.tokenizer, words: options.words) ?? []
            return .init(
                facts: facts,
                missing: facts.isEmpty ? "Nearest neighbours: the vocabulary has no such words as single tokens." : nil)
        } orElse: {
            "Nearest neighbours: \($0)"
        }
    }

    /// What was made of a checkpoint, or is made of it now: a reading later has the same to tell, also of what is missing.
    private func kept<Facts>(
        _ place: ReferenceWritableKeyPath<NewestCheckpoint, NewestCheckpoint.Made<Facts>?>,
        of checkpoint: NewestCheckpoint, _ missing: inout [String],
        make: () throws -> NewestCheckpoint.Made<Facts>, orElse message: (any Error) -> String
    ) -> [Facts] {
        let made: NewestCheckpoint.Made<Facts>
        if let before = checkpoint[keyPath: place] {
            made = before
        } else {
            do { made = try make() } catch { made = .init(facts: [], missing: message(error)) }
            checkpoint[keyPath: place] = made
        }
        if let text = made.missing { missing.append(text) }
        return made.facts
    }
}

/// What is kept of a checkpoint once it has been read.
private final class NewestCheckpoint {
    let path: String
    let created: String
    let parameters: Int
    let documents: TrainingCheckpoint.Documents
    let tokenizer: Tokenizer
    var neighbours: Made<NeighbourFacts>?
    var samples: Made<SampleFacts>?

    /// What was made of it, and why there is no more.
    struct Made<Facts> {
        var facts: [Facts]
        var missing: String?
    }

    init(path: String) throws {
        let reader = try CheckpointReader(path: path)
        self.path = path
        created = reader.manifest.created
        parameters = reader.manifest.parameters
        documents = try TrainingCheckpoint.documents(reader)
        tokenizer = try Tokenizer(json: Array(documents.tokenizer))
    }
}

public enum ReportError: Error, Equatable, CustomStringConvertible {
    case notARun(path: String)
    case unknownResults(path: String)

    public var description: String {
        switch self {
        case .notARun(let path): "\(path) is no run's directory: it has neither metrics.jsonl nor config.yaml"
        case .unknownResults(let path):
            "\(path) has no results that a report shows: name a folder of suite, finetune or analyze, or a file that "
                + "evaluate --json wrote"
        }
    }
}
