import Checkpoints
import Foundation
import Kernels
import Tokenization
import Training

/// A trained model opened for use: its engine with weights, its tokenizer, its documents.
struct LoadedModel {
    let path: String
    let documents: TrainingCheckpoint.Documents
    let tokenizer: ByteLevelBPE
    let engine: TrainingEngine

    /// - Parameter path: a checkpoint, or a run directory, which stands for its newest checkpoint.
    init(path: String, threads: Int) throws {
        let checkpoint = try CheckpointLocation(resolving: path).newest()
        self.path = checkpoint
        let reader = try CheckpointReader(path: checkpoint)
        documents = try TrainingCheckpoint.documents(reader)
        tokenizer = try ByteLevelBPE(json: Array(documents.tokenizer))
        engine = try TrainingEngine(
            documents.configuration, vocabularySize: tokenizer.vocabularySize,
            special: try SpecialTokenIDs(tokenizer), pool: ThreadPool(threadCount: threads))
        try TrainingCheckpoint.load(reader, into: engine, moments: false)
    }
}
