import Pretraining
import Runs

/// All that a report tells of one run.
public struct RunFacts: Encodable, Sendable {
    /// Name in the report.
    public var name: String
    public var path: String
    public var status: RunStatus
    public var progress: RunProgress
    /// What the run trains; nil where no configuration of pretraining was found.
    public var model: ModelFacts?
    public var configuration: ConfigurationFacts?
    public var corpus: CorpusFacts?
    public var tokenizer: TokenizerFacts?
    public var sessions: [SessionFacts]
    public var cost: CostFacts
    public var curves: CurveFacts
    /// The newest evaluation's figures by name.
    public var heldOut: [String: Double]
    /// Of evaluations, the newest first.
    public var samples: [SampleFacts]
    public var neighbours: [NeighbourFacts]
    public var alarms: [AlarmFacts]
    public var checkpoints: [CheckpointFacts]
    public var commands: [NextCommand]
    /// What is not shown, and why.
    public var missing: [String]
}

/// How a run stands.
public struct RunStatus: Encodable, Sendable, Equatable {
    public enum State: String, Encodable, Sendable {
        case running, finished, stopped, failed, abandoned
        /// It was under way, and nothing has been heard of it since.
        case interrupted
        case empty
    }

    public var state: State
    /// The signal or the error that ended it.
    public var message: String?
    /// Seconds since 1970 of the last sign of life; nil for none.
    public var updated: Double?
}

/// How far a run is.
public struct RunProgress: Encodable, Sendable, Equatable {
    public var step: Int
    /// Planned; nil where that is not known.
    public var steps: Int?
    public var tokens: Int
    public var seconds: Double
    /// Whether the seconds are made of tokens and speeds: the log of an earlier version has none.
    public var secondsAreEstimated: Bool
    /// At the pace of late; nil where that is not known or nothing is left.
    public var secondsLeft: Double?
}

/// What is trained.
public struct ModelFacts: Encodable, Sendable, Equatable {
    public var objective: String
    public var preset: String?
    /// Of the newest checkpoint.
    public var parameters: Int?
    public var layers: Int
    public var hiddenSize: Int
    public var heads: Int
    public var sequenceLength: Int
    public var sequencesPerStep: Int
    public var precision: String
    public var seed: Int
    /// Forward and backward passes, of full sequences; nil without a vocabulary.
    public var flopsPerToken: Double?
    public var detects: Bool
}

/// Settings by key.
public struct ConfigurationFacts: Encodable, Sendable, Equatable {
    public struct Setting: Encodable, Sendable, Equatable {
        public var key: String
        public var value: String
        /// The value that it would have of itself; nil where it has that.
        public var usual: String?
    }

    /// What values are compared with: a preset's name, or the defaults.
    public var baseline: String
    public var settings: [Setting]
    /// The whole of it, as `config show` prints it.
    public var yaml: String
}

/// What text was read.
public struct CorpusFacts: Encodable, Sendable, Equatable {
    public struct Source: Encodable, Sendable, Equatable {
        public var path: String
        public var weight: Double
        public var files: Int
        public var bytes: Int
        /// Of the file, or of the list of all files' names and digests; nil where files were too many to read.
        public var sha256: String?
        public var documents: Int
        public var heldOutDocuments: Int
        /// Tokens emitted, and their share of all sources'.
        public var tokens: Int
        public var share: Double
        /// Complete passes.
        public var passes: Int
    }

    public var sources: [Source]
    public var heldOutShare: Double
    /// Whether digests are of blocks of the files instead of the whole.
    public var digestsAreOfBlocks: Bool
    public var acceptedChanges: [String]
}

public struct TokenizerFacts: Encodable, Sendable, Equatable {
    public var vocabularySize: Int
    /// What its tokens are, in words.
    public var kind: String
    public var addedTokens: [String]
    /// Of `tokenizer.json`.
    public var sha256: String
}

/// One start of the run and what became of it.
public struct SessionFacts: Encodable, Sendable, Equatable {
    public var started: Double
    public var ended: Double?
    public var fromStep: Int
    public var toStep: Int
    /// `finished`, `stopped`, `failed`, `abandoned`; nil where the journal breaks off.
    public var outcome: String?
    public var message: String?
    public var origin: RunOrigin?
    /// As last told.
    public var usage: RunUsage?
}

/// What a run has used.
public struct CostFacts: Encodable, Sendable, Equatable {
    public var seconds: Double
    /// Processor time of all starts, as far as the journal tells; nil without one.
    public var coreHours: Double?
    /// Of the machines' processors; nil where a start did not tell.
    public var kilowattHours: Double?
    public var peakMemoryBytes: Int?
    /// Of training, forward and backward; nil where it is not known.
    public var flops: Double?
    /// Starts whose end is not in the journal: what they used after the last checkpoint is missing above.
    public var sessionsWithoutEnd: Int
}

/// A held-out segment after an evaluation.
public struct SampleFacts: Encodable, Sendable, Equatable {
    public var step: Int
    public var samples: [EvaluationSample]
}

/// A word and those whose vectors point the same way.
public struct NeighbourFacts: Encodable, Sendable, Equatable {
    public struct Neighbour: Encodable, Sendable, Equatable {
        public var word: String
        public var cosine: Double
    }

    public var word: String
    public var neighbours: [Neighbour]
}

/// Something that needs a look.
public struct AlarmFacts: Encodable, Sendable, Equatable {
    public enum Source: String, Encodable, Sendable {
        /// The run saw it in its figures and said so.
        case run
        /// The run's records tell of it: text, machine, disk, ends. It may name files.
        case records
        /// The report found it in the figures.
        case report
    }

    public var source: Source
    public var text: String
    /// The last step at which it was so.
    public var step: Int?
    public var count: Int
}

public struct CheckpointFacts: Encodable, Sendable, Equatable {
    public var step: Int
    public var path: String
    public var created: String?
    public var storedBytes: Int?
    public var program: String?
    public var linearAlgebra: String?
    /// What is wrong with its manifest.
    public var problem: String?
}

/// What one may do next.
public struct NextCommand: Encodable, Sendable, Equatable {
    public var command: String
    public var purpose: String
}
