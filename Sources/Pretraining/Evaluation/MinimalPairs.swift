import Corpus
import Engine
import Foundation
import Tokenization

/// Pairs of sentences of which a model should find the first likelier (BLiMP: Warstadt et al. 2020, arXiv 1912.00582).
public struct MinimalPairs: Sendable {
    /// What is known of one file, or of all: shares of pairs that a judge gets right, ties counting half.
    public struct Scores: Codable, Equatable, Sendable {
        public var file: String
        public var pairs: Int
        /// By pseudo-log-likelihood of the generator, or of a masked language model; nil where there is none.
        public var language: Double?
        /// By the detector: the sum of log p(original); nil where there is none.
        public var detection: Double?
        /// By a main encoder that corrects tokens: the sum of log p(token | the sentence as it is); nil where there is none.
        public var correction: Double?

        public init(
            file: String, pairs: Int, language: Double? = nil, detection: Double? = nil, correction: Double? = nil
        ) {
            self.file = file
            self.pairs = pairs
            self.language = language
            self.detection = detection
            self.correction = correction
        }
    }

    public struct Report: Encodable, Equatable, Sendable {
        public var files: [Scores]
        /// Means over files.
        public var mean: Scores
        /// Tokens of all sentences that the vocabulary has nothing for.
        public var unknownTokens = 0
    }

    /// Why files are no minimal pairs, or a model cannot judge them.
    public enum Failure: Error, Equatable, CustomStringConvertible {
        case none(path: String)
        case row(path: String, line: Int, String)

        public var description: String {
            switch self {
            case .none(let path):
                "\(path): holds no .jsonl files (plain or .gz, .zst, .lz4) of minimal pairs, objects with sentence_good and "
                    + "sentence_bad"
            case .row(let path, let line, let problem): "\(path):\(line): \(problem)"
            }
        }
    }

    private struct File: Sendable {
        var path: String
        var sentences: [(good: String, bad: String, line: Int)]
    }

    private let files: [File]

    /// Of the sentences.
    public var digest: UInt64 {
        let texts = files.flatMap(\.sentences).flatMap { [$0.good, $0.bad] }.joined(separator: "\n")
        return Array(texts.utf8).withUnsafeBytes { XXHash64.hash($0, seed: 1) }
    }

    /// - Parameter path: of a file, or of a folder of files.
    /// - Throws: `Failure`, `TextFileFailure`.
    public init(path: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw Failure.none(path: path)
        }
        var paths = [path]
        if isFolder.boolValue {
            paths = try FileManager.default.contentsOfDirectory(atPath: path).sorted().filter { name in
                [".jsonl", ".jsonl.gz", ".jsonl.zst", ".jsonl.lz4"].contains(where: name.hasSuffix)
            }.map { (path as NSString).appendingPathComponent($0) }
        }
        files = try paths.map(Self.read)
        if files.isEmpty { throw Failure.none(path: path) }
    }

    private static func read(_ path: String) throws -> File {
        struct Row: Decodable {
            var sentenceGood: String
            var sentenceBad: String
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        var sentences: [(good: String, bad: String, line: Int)] = []
        let lines = try TextFile.contents(of: path).split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where !line.allSatisfy({ $0 == 0x20 || $0 == 0x0D }) {
            guard let row = try? decoder.decode(Row.self, from: Data(line)) else {
                throw Failure.row(
                    path: path, line: index + 1, "is no object with the texts sentence_good and sentence_bad")
            }
            if [row.sentenceGood, row.sentenceBad].contains(where: { $0.allSatisfy(\.isWhitespace) }) {
                throw Failure.row(path: path, line: index + 1, "has an empty sentence")
            }
            sentences.append((row.sentenceGood, row.sentenceBad, index + 1))
        }
        if sentences.isEmpty { throw Failure.none(path: path) }
        return File(path: path, sentences: sentences)
    }

    /// Whether a model has anything to judge sentences by.
    private static func canJudge(_ engine: TrainingEngine) -> Bool {
        engine.objective.predictsMaskedTokens || engine.objective.correctsTokens
            || engine.configuration.objective.name.detects
    }

    /// Judges all pairs.
    ///
    /// - Returns: nil for a model that neither predicts nor detects.
    /// - Throws: `Failure` for a sentence that is longer than the model; `CancellationError`.
    public func evaluate(
        _ engine: TrainingEngine, _ tokenizer: Tokenizer, progress: (Double) -> Void = { _ in }
    ) throws -> Report? {
        if !Self.canJudge(engine) { return nil }
        let judgesLanguage = engine.objective.predictsMaskedTokens
        let judgesDetection = engine.configuration.objective.name.detects
        let encoder = TokenizerEncoder(tokenizer)
        var unknownTokens = 0
        // All are read before the first is judged, which takes its time.
        let all = try files.map { file in
            var sentences: [TrainingEngine.Sentence] = []
            for pair in file.sentences {
                for text in [pair.good, pair.bad] {
                    let sentence = Self.sentence(text, encoder, engine)
                    guard sentence.tokens.count <= engine.configuration.sequenceLength else {
                        throw Failure.row(
                            path: file.path, line: pair.line,
                            "a sentence has \(sentence.tokens.count) tokens, and the model was trained with "
                                + "\(engine.configuration.sequenceLength)")
                    }
                    if let unknown = tokenizer.unknownID { unknownTokens += sentence.tokens.count { $0 == unknown } }
                    sentences.append(sentence)
                }
            }
            return sentences
        }
        var scores: [Scores] = []
        for (index, (file, sentences)) in zip(files, all).enumerated() {
            func report(_ done: Double) { progress((Double(index) + done) / Double(files.count)) }
            let language =
                judgesLanguage ? try engine.pseudoLogLikelihoods(sentences, progress: report) : nil
            let detection = judgesDetection ? try engine.detectionLogLikelihoods(sentences) : nil
            let correction =
                engine.objective.correctsTokens ? try engine.correctionLogLikelihoods(sentences) : nil
            scores.append(
                Scores(
                    file: (file.path as NSString).lastPathComponent, pairs: file.sentences.count,
                    language: language.map(Self.share), detection: detection.map(Self.share),
                    correction: correction.map(Self.share)))
            report(1)
        }
        func mean(_ path: KeyPath<Scores, Double?>) -> Double? {
            let values = scores.compactMap { $0[keyPath: path] }
            return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
        }
        return Report(
            files: scores,
            mean: Scores(
                file: "mean", pairs: scores.reduce(0) { $0 + $1.pairs }, language: mean(\.language),
                detection: mean(\.detection), correction: mean(\.correction)), unknownTokens: unknownTokens)
    }

    /// Of sentences by turns good and bad, how often the good one has the higher value.
    package static func share(_ values: [Double]) -> Double {
        var points = 0.0
        for index in stride(from: 0, to: values.count, by: 2) {
            let (good, bad) = (values[index], values[index + 1])
            if good > bad { points += 1 } else if good == bad { points += 0.5 }
        }
        return points / Double(values.count / 2)
    }

    private static func sentence(
        _ text: String, _ encoder: TokenizerEncoder, _ engine: TrainingEngine
    ) -> TrainingEngine.Sentence {
        let ids = encoder.encode(Array(text.utf8))
        return TrainingEngine.Sentence(
            tokens: [engine.special.classification] + ids + [engine.special.separator],
            beginsWord: [true] + encoder.tokenizer.beginsWords(ids) + [true])
    }
}
