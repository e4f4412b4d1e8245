import Checkpoints
import Foundation
import Runs

extension FineTunedModel {
    /// A checkpoint, or of a run directory of fine-tuning the best epoch's.
    static func reader(of path: String) throws -> CheckpointReader {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        // What --output of finetune names holds one run for each seed.
        let seeds = names.filter { $0.hasPrefix("seed-") }.sorted()
        if let first = seeds.first, !names.contains(CheckpointDirectory.folderName) {
            throw TaskError.file(
                path: path,
                "holds the runs of \(seeds.count) seed\(seeds.count == 1 ? "" : "s"); name one, such as \(path)/\(first)"
            )
        }
        let best = CheckpointDirectory(path: RunDirectory(path: path).path + "/best")
        return try best.latest().map { try CheckpointReader(path: $0.path) } ?? CheckpointReader(newestOf: path)
    }

    /// Whether fine-tuning has written what is there, and not pretraining.
    ///
    /// - Throws: `CheckpointError` where there is no checkpoint.
    public static func isOne(at path: String) throws -> Bool { FineTuningCheckpoint.isOne(try reader(of: path)) }

    /// All parameters under the engine's names, row-major: the encoder's, `task.dense` and `task.output`.
    public var parameters: [(name: String, shape: [Int], values: [Float])] {
        engine.model.layout.specs.map { spec in
            let values = UnsafeBufferPointer(start: engine.weights.base + spec.offset, count: spec.count)
            return (spec.name, spec.shape, Array(values))
        }
    }

    /// Tokens of the longest text, special ones included; what is longer is cut.
    public var longestText: Int { engine.model.longestText }
}
