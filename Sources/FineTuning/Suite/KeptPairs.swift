import Files
import Foundation
import Pretraining

/// Scores of minimal pairs in the folder of a suite, a file a model, so that a suite that goes on need not judge them again.
struct KeptPairs {
    /// What scores are of.
    struct Judged: Codable, Equatable {
        /// Digest of the sentences.
        var pairs: UInt64
        /// SHA-256; of random weights, of those whose shape they have.
        var weights: String?
        /// Seed of random weights; nil for the model's own.
        var draw: Int?
    }

    private struct Entry: Codable {
        var judged: Judged
        var scores: MinimalPairs.Scores
    }

    private let folder: String
    private let path: String

    init(folder: String, name: String) {
        self.folder = folder
        path = "\(folder)/\(name).json"
    }

    /// What the file holds; nothing where it is not as this program writes it.
    private var entries: [Entry] {
        FileManager.default.contents(atPath: path).flatMap { try? JSONDecoder().decode([Entry].self, from: $0) } ?? []
    }

    func scores(of judged: Judged) -> MinimalPairs.Scores? { entries.first { $0.judged == judged }?.scores }

    func keep(_ scores: MinimalPairs.Scores, of judged: Judged) throws {
        let draws = entries.filter { $0.judged.pairs == judged.pairs && $0.judged.weights == judged.weights }
        try OutputFolder.create(folder)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        try OutputFile(checking: path).write(
            String(decoding: try encoder.encode(draws + [Entry(judged: judged, scores: scores)]), as: UTF8.self))
    }
}
