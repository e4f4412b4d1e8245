import Checkpoints
import Communication
import Configuration
import Corpus
import Engine
import Files
import Foundation
import Kernels
import Runs
import Tokenization

/// What a run begins with, from the newest good checkpoint or anew: everything that its first step depends on.
struct RunStart {
    /// What the checkpoint holds beside tensors; nil for a new run.
    let documents: TrainingCheckpoint.Documents?
    /// Where the corpus is read on; nil for a new run.
    let loader: LoaderState?
    /// The checkpoint's, with what was accepted of changes to the corpus.
    let state: RunState
    let listing: CorpusListing
    let fingerprint: CorpusFingerprint
    let tokenizer: Tokenizer
    let special: SpecialTokens
    /// Whether the weights come from a run that had trained token type 1.
    let inheritsTokenTypes: Bool
    /// With the checkpoint's weights and moments, or with initial weights.
    let engine: TrainingEngine

    init(
        _ configuration: RunConfiguration, directory: RunDirectory, resume: ResumeMode, transfer: WeightTransfer?,
        acceptsChangedCorpus: Bool, ranks: RankGroup? = nil, pool: ThreadPool, progress: ProgressLine,
        report: @escaping (PretrainingEvent) -> Void
    ) throws {
        let note = { (what: Resumption) in report(what.isWarning ? .warning("\(what)") : .note("\(what)")) }
        self = try directory.resume(resume, note: note) { reader in
            try RunStart(
                configuration, directory: directory, reader: reader, transfer: transfer,
                acceptsChangedCorpus: acceptsChangedCorpus, ranks: ranks, pool: pool, progress: progress, report: report
            )
        }.beginning
        guard let documents else { return }
        if documents.configuration.training.steps != configuration.training.steps {
            report(
                .note(
                    "training.steps is now \(configuration.training.steps) instead of \(documents.configuration.training.steps); "
                        + "the learning rate follows the new length"))
        }
    }

    /// What the first rank has told, on another one.
    ///
    /// - Parameter configuration: the run's, with this rank's own paths.
    /// - Throws: `RankDifference` where the corpus is not the first rank's.
    init(_ shared: SharedStart, _ configuration: RunConfiguration, ranks: RankGroup, pool: ThreadPool) throws {
        documents = nil
        (loader, state, fingerprint) = (shared.loader, shared.state, shared.fingerprint)
        listing = try CorpusListing(configuration.corpus)
        inheritsTokenTypes = shared.inheritsTokenTypes
        tokenizer = try Tokenizer(json: Array(shared.tokenizer))
        special = try tokenizer.specialTokens
        engine = try TrainingEngine(
            configuration.configuration(ofStage: configuration.stageIndex(ofStep: shared.state.stagedStep))
                .engine(of: ranks), vocabularySize: tokenizer.vocabularySize, special: special, pool: pool,
            ranks: configuration.sharesSteps ? ranks : nil)
    }

    /// - Throws: `CheckpointError.damaged` if the checkpoint turns out not to be what was written.
    private init(
        _ configuration: RunConfiguration, directory: RunDirectory, reader: CheckpointReader?,
        transfer: WeightTransfer?, acceptsChangedCorpus: Bool, ranks: RankGroup?, pool: ThreadPool,
        progress: ProgressLine, report: (PretrainingEvent) -> Void
    ) throws {
        documents = try reader.map(TrainingCheckpoint.documents)
        inheritsTokenTypes = reader == nil && transfer?.trainsTokenTypes == true
        if let documents, let reader {
            let differences = try ConfigurationGuard.differences(from: documents.configuration, to: configuration)
            guard differences.isEmpty else {
                throw PretrainingError.configurationChanged(checkpoint: reader.path, differences: differences)
            }
        }
        listing = try CorpusListing(configuration.corpus)
        var change: String?
        if let documents {
            do {
                try documents.fingerprint.verify(against: listing)
            } catch CorpusError.fileChanged(let path, let what) where acceptsChangedCorpus {
                change = "\(path): \(what)"
            }
        }
        if let documents, change == nil {
            fingerprint = documents.fingerprint
        } else {
            fingerprint = try CorpusFingerprint(listing)
        }
        let stage = configuration.stageIndex(ofStep: (documents?.state ?? RunState()).stagedStep)
        do {
            tokenizer = try RunTokenizer.open(
                configuration, directory: directory,
                checkpoint: documents?.tokenizer
                    ?? transfer.flatMap { $0.replacesVocabulary ? nil : $0.tokenizer },
                isNew: documents == nil, listing: listing, progress: progress, report: report)
            if let documents {
                let stage = configuration.configuration(ofStage: stage)
                let seed = UInt64(stage.training.seed)
                try documents.loader.lengthened(to: stage.corpus.sequenceLength).validate(
                    configuration: stage.corpus, seed: seed, vocabularySize: tokenizer.vocabularySize)
                loader =
                    change == nil
                    ? documents.loader : documents.loader.restarted(configuration: configuration.corpus, seed: seed)
            } else {
                loader = nil
            }
        } catch CorpusError.invalidState(let reason) {
            throw CheckpointError.damaged(path: reader?.path ?? "", reason: reason)
        } catch let error as TokenizerError where reader != nil && configuration.tokenizer.path == nil {
            throw CheckpointError.damaged(path: reader?.path ?? "", reason: "\(error)")
        }
        var state = documents?.state ?? RunState()
        if reader == nil {
            state.startedFrom = transfer?.origin
            state.inheritedLength = transfer?.trainedLength
        } else if let transfer, transfer.origin != state.startedFrom {
            report(
                .warning(
                    "the run goes on with its own weights, which began from \(state.startedFrom ?? "chance, or from what is not on record"): "
                        + "\(transfer.path) plays no part; for a run that begins from it give another --output"))
        }
        if let change {
            state.acceptedChanges.append("after step \(state.step): \(change)")
            report(.warning("the corpus has changed (\(change)); reading goes on with a new pass over all of it"))
        }
        self.state = state
        special = try tokenizer.specialTokens
        engine = try TrainingEngine(
            configuration.configuration(ofStage: stage).engine(of: ranks), vocabularySize: tokenizer.vocabularySize,
            special: special, pool: pool, ranks: configuration.sharesSteps ? ranks : nil)
        if let reader {
            try TrainingCheckpoint.load(reader, into: engine, moments: true)
        } else if let transfer {
            let vocabulary = try transfer.vocabulary(for: tokenizer)
            let longest = configuration.plannedStages.map(\.configuration.corpus.sequenceLength).max()
            let notes = try transfer.load(
                into: engine, longest: longest ?? configuration.corpus.sequenceLength, vocabulary: vocabulary)
            report(.note("the weights come from \(transfer.path)"))
            if let vocabulary { report(.note(vocabulary.note)) }
            for note in notes { report(.note(note)) }
            if vocabulary == nil, configuration.tokenizer != transfer.source.tokenizer,
                configuration.tokenizer.path == nil
            {
                report(
                    .note(
                        "the tokenizer is that of the weights, of \(tokenizer.vocabularySize) tokens, and the settings of tokenizer are "
                            + "not read; --tokenizer FILE takes another"))
            }
        } else {
            engine.initialize()
        }
        if reader == nil, let path = configuration.objective.frozenGenerator.checkpoint {
            try FrozenGenerator.load(path, into: engine, tokenizer: tokenizer)
        }
        if let cache = configuration.objective.frozenGenerator.cache {
            let samples = try CorruptionCache(path: HomeFolder.expanded(cache), engine)
            if !samples.writes {
                report(.note("another run writes to \(cache): this one reads what is there, and adds nothing"))
            }
            engine.corruptionCache = samples
        }
    }
}
