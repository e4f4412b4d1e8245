import Checkpoints
import Engine
import Foundation
import Kernels
import Tokenization

/// A trained model opened for use: its engine with weights, its tokenizer, its configuration.
public struct LoadedModel {
    public let reader: CheckpointReader
    /// Of its run, with sequences of no more tokens than it has been trained on.
    public let configuration: RunConfiguration
    public let tokenizer: Tokenizer
    public let engine: TrainingEngine

    /// Path of the checkpoint.
    public var path: String { reader.path }

    /// - Parameters:
    ///   - path: a checkpoint, or a run directory, which stands for its newest checkpoint.
    ///   - chance: a seed by which weights are drawn in place of the checkpoint's; nil to have these.
    ///   - masker: a model that will mask text for this one, perhaps more of it than this one is used to.
    ///   - masksForOthers: whether it is to mask text for other models. It then hides all that they are to predict: where some of it
    ///     showed, models that have learned to repeat that in training would look better than those that have never seen such.
    public init(
        path: String, threads: Int, weightsByChance chance: Int? = nil, maskedBy masker: LoadedModel? = nil,
        masksForOthers: Bool = false
    ) throws {
        reader = try CheckpointReader(newestOf: path)
        configuration = try TrainingCheckpoint.trainedConfiguration(reader)
        tokenizer = try Tokenizer(json: Array(try TrainingCheckpoint.tokenizer(reader)))
        var settings = try TrainingCheckpoint.configuration(reader).engine
        if let chance { settings.seed = chance }
        if masksForOthers { settings.objective.hideAllToPredict() }
        if let masker {
            // Memory is planned by it; what is masked here is another's matter.
            settings.objective.maskFraction = max(
                settings.objective.maskFraction, masker.configuration.objective.evaluationMaskFraction)
        }
        engine = try TrainingEngine(
            settings, vocabularySize: tokenizer.vocabularySize, special: try tokenizer.specialTokens,
            pool: .reserving(threadCount: threads), writesCheckpoints: false)
        if chance != nil {
            engine.initialize()
        } else {
            try TrainingCheckpoint.load(reader, into: engine, moments: false)
        }
    }
}
