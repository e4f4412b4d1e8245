/// Trains a byte-level BPE on a stream of texts.
///
/// The result depends on the texts alone: not on how they are spread over calls of `feed` (as long as a call holds
/// whole lines), nor on the machine. The same text gives the same merges as `tokenizers`' BpeTrainer with these special
/// tokens, the byte alphabet and the same options: it, too, cuts lines apart before it looks for words.
///
/// Memory is bounded by `wordLimit`: about 100 bytes per distinct word while texts are fed, about 300 while merging.
public final class BPETrainer {
    /// What `train` is doing.
    public enum Phase: String, Sendable {
        case merging
    }

    /// Vocabulary size that leaves room for the special tokens and the byte symbols alone.
    public static let minimumVocabularySize = SpecialTokens.contents.count + 256

    /// Ids are tabulated while merging: no vocabulary in use comes near this.
    public static let maximumVocabularySize = 1_000_000

    /// Longer words are counted in parts of this many bytes, so that text without spaces cannot blow up the training.
    public static let longestWord = 512

    public let vocabularySize: Int
    public let minimumFrequency: Int
    public let options: TokenizerTrainingOptions
    private let normalizer: Normalizer?
    /// Different words that are counted.
    public static let wordLimit = 2_000_000
    /// Bytes fed so far.
    public private(set) var bytesFed = 0
    /// Words, counted as often as they occur, that had to be left out because there were too many different ones; known behind
    /// `train`.
    public private(set) var droppedWords: UInt64 = 0
    private var words: WordTable?

    /// - Parameters:
    ///   - vocabularySize: ids to reach, special tokens and byte symbols included; a small corpus gives fewer.
    ///   - minimumFrequency: pairs that occur less often are never merged.
    ///   - options: how text is cut and normalized.
    ///   - wordLimit: distinct words to keep; when there are more, the rarest are dropped.
    /// - Throws: `TokenizerError.vocabularyTooSmall`, below `minimumVocabularySize`.
    public init(
        vocabularySize: Int, minimumFrequency: Int = 0, options: TokenizerTrainingOptions = .init(),
        wordLimit: Int = BPETrainer.wordLimit
    ) throws(TokenizerError) {
        guard vocabularySize >= Self.minimumVocabularySize else {
            throw .vocabularyTooSmall(requested: vocabularySize, minimum: Self.minimumVocabularySize)
        }
        self.vocabularySize = min(vocabularySize, 1 << 24)
        self.minimumFrequency = minimumFrequency
        self.options = options
        normalizer = options.normalizer
        words = WordTable(limit: min(wordLimit, 1 << 30))
    }

    /// Counts the words of one or more whole lines of text.
    public func feed(_ text: UnsafeBufferPointer<UInt8>) {
        guard let base = text.baseAddress, var table = words.take() else { return }
        bytesFed += text.count
        ScanClass.ofByte.withUnsafeBufferPointer { classes in
            guard let classBase = classes.baseAddress else { return }
            var start = 0
            while start < text.count {
                var end = start
                while end < text.count, base[end] != 0x0A { end &+= 1 }
                end = min(end &+ 1, text.count)
                let line = UnsafeBufferPointer(start: base + start, count: end - start)
                if let normalizer {
                    normalizer.normalize(line).withUnsafeBufferPointer { count($0, classBase, &table) }
                } else {
                    count(line, classBase, &table)
                }
                start = end
            }
        }
        words = consume table
    }

    /// Counts the words of a line, normalized already.
    private func count(
        _ line: UnsafeBufferPointer<UInt8>, _ classes: UnsafePointer<UInt8>, _ table: inout WordTable
    ) {
        guard let base = line.baseAddress else { return }
        var cursor = ClassCursor(bytes: base, end: line.count, table: classes, characters: .shared)
        switch options.preTokenizer {
        case .llama3(let digits, let joinsMarks):
            cursor.joinsMarks = joinsMarks
            scanLlama3(cursor, maximumDigits: digits) { Self.add(base, $0, $1, &table) }
        case .gpt2, .steps:
            scanGPT2(cursor) { Self.add(base, $0, $1, &table) }
        }
    }

    @inline(__always)
    private static func add(_ base: UnsafePointer<UInt8>, _ from: Int, _ to: Int, _ table: inout WordTable) {
        var part = from
        while part < to {
            let length = min(to &- part, longestWord)
            table.add(base + part, length)
            part &+= length
        }
    }

    /// Counts the words of one or more whole lines of text.
    public func feed(_ text: [UInt8]) { text.withUnsafeBufferPointer { feed($0) } }

    /// Learns the merges. The words are used up: a second call trains on nothing.
    ///
    /// - Parameter progress: called now and then with the share done, 0 to 1; what it throws ends the training.
    /// - Returns: the tokenizer; its `vocabularySize` is smaller than asked for where the texts have too few pairs.
    public func train(progress: (Phase, Double) throws -> Void) rethrows -> Tokenizer {
        let table = words.take() ?? WordTable(limit: 16)
        words = WordTable(limit: 16)
        droppedWords = table.droppedOccurrences
        var learner = MergeLearner(
            table, firstID: SpecialTokens.contents.count, minimumFrequency: minimumFrequency,
            lengthLimit: options.maximumTokenLength)
        try learner.learn(size: vocabularySize) { try progress(.merging, $0) }
        return Tokenizer(trainedTokens: learner.tokens, merges: learner.merges, options: options)
    }

    /// What the rarest words that were left out come to, for people; nil where there are none.
    public var droppedWordsNote: String? {
        droppedWords == 0
            ? nil
            : "there were more than \(Self.wordLimit) different words: the rarest were left out of the counts, \(droppedWords) times "
                + "in all; what is learned then depends on the order of the files too"
    }

    /// Learns the merges, without a word on the way.
    public func train() -> Tokenizer { train { _, _ in } }
}
