/// Where a source stands between two segments.
public struct SourceState: Codable, Equatable, Sendable {
    /// A document of which some segments have been emitted and some not.
    public struct ActiveDocument: Codable, Equatable, Sendable {
        /// Place in the window's shuffled order.
        public var document: Int
        /// Tokens that have been emitted.
        public var token: Int
    }

    static let currentForm = 2

    /// How documents are encoded; nil in earlier states than form 2, of which documents of pairs were encoded by sentence, and added
    /// tokens not looked for.
    public var form: Int? = currentForm
    /// The window that documents are taken from.
    public var window = WindowStart()
    /// Whether the window is in the counters below.
    public var isWindowCounted = false
    /// Documents of the window, in shuffled order, that have been taken up.
    public var nextDocument = 0
    /// Documents that are being read side by side.
    public var active: [ActiveDocument] = []
    /// Segments drawn from this window.
    public var draws = 0
    /// Segments emitted in this epoch.
    public var epochSegments = 0

    /// Tokens emitted, `[CLS]` and `[SEP]` included.
    public var tokens: Int64 = 0
    /// Documents, or pieces of long ones, taken up.
    public var documents: Int64 = 0
    /// Documents passed over because they are held out.
    public var heldOutDocuments: Int64 = 0
    /// Documents passed over because there is nothing in them.
    public var emptyDocuments: Int64 = 0
    /// Ill-formed UTF-8 sequences that were replaced.
    public var invalidSequences: Int64 = 0

    public init() {}

    /// Passes over the source that are complete.
    public var epoch: Int { window.epoch }
}

/// Everything that decides which batches follow: positions, and the tokens of sequences that are not full yet. It grows neither
/// with the corpus nor with time.
///
/// A loader that starts from the state after a batch gives exactly the batches that followed it.
public struct LoaderState: Codable, Equatable, Sendable {
    /// Version of this form and of the order that it stands for.
    public static let currentVersion = 1

    public var version = currentVersion
    /// The settings that decide the order of tokens. The paths of the corpus are not among them: it may move.
    public var settings: [String: String]
    /// One for each source, in the order of the configuration.
    public var sources: [SourceState]
    /// Sequences that are not full yet.
    public var openSequences: [PackedSequence] = []
    /// Sequences given to batches.
    public var completedSequences: Int64 = 0
    /// Batches given out.
    public var batches: Int64 = 0

    /// Tokens given to batches or waiting in open sequences.
    public var tokens: Int64 { sources.reduce(0) { $0 + $1.tokens } }

    init(configuration: CorpusConfiguration, seed: UInt64) {
        settings = Self.settings(configuration, seed: seed)
        sources = configuration.sources.map { _ in SourceState() }
    }

    /// The state for longer sequences: those that are being filled have more room.
    public func lengthened(to sequenceLength: Int) -> LoaderState {
        var state = self
        state.settings["sequence_length"] = "\(sequenceLength)"
        return state
    }

    /// Refuses a state that another configuration made, or that cannot be one at all.
    ///
    /// - Throws: `CorpusError.stateMismatch`, `.invalidState`.
    package func validate(configuration: CorpusConfiguration, seed: UInt64, vocabularySize: Int) throws {
        guard version == Self.currentVersion else {
            throw CorpusError.invalidState("it has version \(version); this program reads \(Self.currentVersion)")
        }
        let current = Self.settings(configuration, seed: seed)
        for name in Set(current.keys).union(settings.keys).sorted() where settings[name] != current[name] {
            throw CorpusError.stateMismatch(
                setting: name, saved: settings[name] ?? "nothing", current: current[name] ?? "nothing")
        }
        guard sources.allSatisfy({ $0.form ?? SourceState.currentForm == SourceState.currentForm }) else {
            throw CorpusError.invalidState("its documents are encoded in a form that this program does not know")
        }
        guard sources.count == configuration.sources.count else {
            throw CorpusError.invalidState("it has \(sources.count) sources, not \(configuration.sources.count)")
        }
        let numbers = sources.flatMap {
            [
                $0.window.epoch, $0.window.index, $0.window.file, Int($0.window.position.offset),
                $0.window.position.piece, $0.window.position.line, $0.window.tally.rows, $0.window.tally.unusable,
                $0.nextDocument, $0.draws, $0.epochSegments,
            ] + $0.active.flatMap { [$0.document, $0.token] }
        }
        let counters = sources.flatMap {
            [$0.tokens, $0.documents, $0.heldOutDocuments, $0.emptyDocuments, $0.invalidSequences]
        }
        guard numbers.allSatisfy({ 0...Int(UInt32.max) << 16 ~= $0 }), counters.allSatisfy({ 0...(1 << 52) ~= $0 }),
            0...(1 << 52) ~= batches, 0...(1 << 52) ~= completedSequences,
            openSequences.allSatisfy({ 0...completedSequences ~= $0.opened })
        else { throw CorpusError.invalidState("a position or counter is out of range") }
        for sequence in openSequences {
            let starts = sequence.segmentStarts
            guard starts.first == 0, zip(starts, starts.dropFirst()).allSatisfy({ $0 < $1 }),
                let last = starts.last, last < sequence.tokens.count,
                sequence.tokens.count <= configuration.sequenceLength, openSequences.count <= SequencePacker.openLimit,
                (sequence.secondStarts != nil) == configuration.pairs, Self.areWithin(sequence.secondStarts, sequence),
                sequence.tokens.allSatisfy({ 0..<vocabularySize ~= Int($0) })
            else { throw CorpusError.invalidState("an open sequence is malformed") }
        }
    }

    /// Whether second halves lie in their segments.
    private static func areWithin(_ seconds: [Int]?, _ sequence: PackedSequence) -> Bool {
        guard let seconds else { return true }
        let ends = sequence.segmentStarts.dropFirst() + [sequence.tokens.count]
        return seconds.count == sequence.segmentStarts.count
            && zip(seconds, zip(sequence.segmentStarts, ends)).allSatisfy { $0 == 0 || $0 > $1.0 && $0 < $1.1 }
    }

    private static func settings(_ configuration: CorpusConfiguration, seed: UInt64) -> [String: String] {
        var settings = [
            "seed": "\(seed)",
            "sequence_length": "\(configuration.sequenceLength)",
            "held_out": "\(configuration.heldOut)",
            "shuffle_documents": "\(configuration.shuffleDocuments)",
            "shuffle_bytes": "\(configuration.shuffleBytes)",
            "interleave_documents": "\(configuration.interleaveDocuments)",
            "maximum_document_bytes": "\(configuration.maximumDocumentBytes)",
            "maximum_line_bytes": "\(configuration.maximumLineBytes)",
            "sources.count": "\(configuration.sources.count)",
        ]
        // Settings that came later are there only where they change something: states of before stay valid.
        if configuration.test > 0 { settings["test"] = "\(configuration.test)" }
        if configuration.heldOutUnit != .document { settings["held_out_unit"] = configuration.heldOutUnit.rawValue }
        if configuration.shuffleWithinFiles { settings["shuffle_within_files"] = "true" }
        if configuration.pairs { settings["pairs"] = "true" }
        for (index, source) in configuration.sources.enumerated() {
            settings["sources[\(index)].weight"] = "\(source.weight)"
            settings["sources[\(index)].format"] = source.format.rawValue
            settings["sources[\(index)].document_separator"] = source.documentSeparator.rawValue
            settings["sources[\(index)].text_field"] = source.textField
        }
        return settings
    }
}
