import Analysis
import Files
import FineTuning
import Foundation

/// What was made of trained models: a table of scores, or what their layers do.
public struct ResultFacts: Encodable, Sendable {
    public enum Kind: String, Encodable, Sendable {
        case suite
        case fineTuning = "finetuning"
        case minimalPairs = "minimal_pairs"
        case analysis

        /// As a heading.
        public var title: String {
            switch self {
            case .suite: "Tasks"
            case .fineTuning: "Fine-tuning"
            case .minimalPairs: "Minimal pairs"
            case .analysis: "Layers"
            }
        }
    }

    public var kind: Kind
    public var path: String
    public var header: [String]
    public var rows: [[String]]
    /// What the table's marks mean.
    public var explanation: String
    /// Of an analysis.
    public var analyses: [ModelAnalysis]

    /// Reads what `suite`, `finetune`, `analyze` or `evaluate --minimal-pairs --json` have left.
    ///
    /// - Parameter path: a folder, or a file.
    /// - Throws: `ReportError.unknownResults`.
    public init(path: String) throws {
        guard let found = Self.read(path) else { throw ReportError.unknownResults(path: path) }
        self = found
    }

    /// Those that lie in a run's own folder.
    static func within(_ run: String) -> [ResultFacts] {
        ((try? FileManager.default.contentsOfDirectory(atPath: run)) ?? []).sorted()
            .filter { !["checkpoints", "tensorboard", "tokenizer.json"].contains($0) && !$0.hasPrefix("previous-") }
            // What else lies there may be of any size.
            .filter { $0.hasSuffix(".json") || FileManager.default.fileExists(atPath: "\(run)/\($0)/.") }
            .compactMap { read("\(run)/\($0)") }
    }

    private init(
        _ kind: Kind, _ path: String, header: [String] = [], rows: [[String]] = [], explanation: String = "",
        analyses: [ModelAnalysis] = []
    ) {
        self.kind = kind
        self.path = path
        self.header = header
        self.rows = rows
        self.explanation = explanation
        self.analyses = analyses
    }

    private static func read(_ path: String) -> ResultFacts? {
        if let suite: SuiteReport = decode("\(path)/results.json") {
            let (header, rows) = suite.table
            return ResultFacts(.suite, path, header: header, rows: rows, explanation: suite.explanation)
        }
        for file in ["\(path)/analysis.json", path] {
            if let report: Analyses = decode(file), !report.models.isEmpty {
                return ResultFacts(.analysis, path, analyses: report.models)
            }
        }
        return fineTuning(path) ?? minimalPairs(path)
    }

    private struct Analyses: Decodable {
        var models: [ModelAnalysis]
    }

    /// `result.json` of each seed's folder.
    private static func fineTuning(_ path: String) -> ResultFacts? {
        struct Seed: Decodable {
            var seed: Int
            var bestStep: Int
            var validation: TaskScores
            var test: TaskScores?
        }
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter {
            $0.hasPrefix("seed-")
        }
        let seeds: [Seed] = (names.map { "\(path)/\($0)/result.json" } + ["\(path)/result.json"]).compactMap {
            decode($0)
        }
        .sorted { $0.seed < $1.seed }
        guard let first = seeds.first else { return nil }
        let metrics = TaskMetric.allCases.filter { first.validation[$0] != nil || first.test?[$0] != nil }
        func cell(_ scores: TaskScores?, _ metric: TaskMetric) -> String {
            scores?[metric].map { String(format: "%.4f", $0) } ?? "–"
        }
        let names2 = metrics.map { $0.rawValue.replacing("_", with: " ") }
        let hasTest = seeds.contains { $0.test != nil }
        let rows = seeds.map { seed in
            ["\(seed.seed)"] + metrics.map { cell(seed.validation, $0) }
                + (hasTest ? metrics.map { cell(seed.test, $0) } : [])
        }
        return ResultFacts(
            .fineTuning, path,
            header: ["seed"] + names2.map { "\($0), validation" } + (hasTest ? names2.map { "\($0), test" } : []),
            rows: rows)
    }

    private static func minimalPairs(_ path: String) -> ResultFacts? {
        struct Scores: Decodable {
            var file: String
            var pairs: Int
            var language: Double?
            var detection: Double?
            var correction: Double?
        }
        struct Report: Decodable {
            var files: [Scores]
            var mean: Scores
        }
        guard let report: Report = decode(path), !report.files.isEmpty else { return nil }
        func percent(_ share: Double?) -> String { share.map { String(format: "%.1f %%", 100 * $0) } ?? "–" }
        return ResultFacts(
            .minimalPairs, path, header: ["file", "pairs", "language model", "detector", "corrector"],
            rows: (report.files + [report.mean]).map {
                [$0.file, "\($0.pairs)", percent($0.language), percent($0.detection), percent($0.correction)]
            },
            explanation: "Share of pairs whose right sentence is the likelier one.")
    }

    private static func decode<Value: Decodable>(_ path: String) -> Value? {
        guard let data = try? FileDescriptor.contents(of: path, limit: 64 << 20) else { return nil }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try? decoder.decode(Value.self, from: data)
    }
}
