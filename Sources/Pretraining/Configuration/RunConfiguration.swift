import Configuration
import Corpus
import Encoder
import Objectives
import Optimization
import Parametrization

/// Everything that a run depends on: with the corpus, it determines every bit of the result.
public struct RunConfiguration: Configurable {
    public var model = ModelConfiguration()
    public var parametrization = ParametrizationConfiguration()
    public var corpus = CorpusConfiguration()
    public var tokenizer = TokenizerConfiguration()
    public var objective = ObjectiveConfiguration()
    public var optimizer = OptimizerConfiguration()
    public var training = TrainingConfiguration()
    public var evaluation = EvaluationConfiguration()

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.group("model", &model, "Shape of the networks.")
        try fields.group("parametrization", &parametrization, "muP base widths and multipliers.")
        try fields.group("corpus", &corpus, "Training text.")
        try fields.group("tokenizer", &tokenizer, "Vocabulary.")
        try fields.group("objective", &objective, "What is learned.")
        try fields.group("optimizer", &optimizer, "AdamW and its schedule.")
        try fields.group("training", &training, "Length of the run, batches, checkpoints.")
        try fields.group("evaluation", &evaluation, "Evaluation on held-out text.")
    }

    public func validate() throws {
        if model.positions == .learned || model.generator.maskDecoder, corpus.sequenceLength > model.maximumPositions {
            throw InvalidSetting(
                "corpus.sequence_length",
                "\(corpus.sequenceLength) is longer than the position table, model.maximum_positions \(model.maximumPositions); raise that or shorten this"
            )
        }
        if training.spikeAction == .rollBack, training.spikeDeviations == nil || training.checkpointEvery == 0 {
            throw InvalidSetting(
                "training.spike_action",
                "roll_back goes back to a checkpoint where a step lies too far out: set training.spike_deviations, and "
                    + "training.checkpoint_every above 0")
        }
        if parametrization.baseLayerCount != nil, model.normalization.placement != .pre {
            throw InvalidSetting(
                "parametrization.base_layer_count",
                "hyperparameters transfer across depth only where model.normalization.placement is pre; leave it out")
        }
        do {
            if objective.hasGenerator { try model.validateGenerator() }
        } catch let error as InvalidSetting {
            throw InvalidSetting("model.\(error.key)", error.problem)
        }
        do {
            try model.attention.validate(
                layerCount: model.layerCount, headCount: model.headCount, sequenceLength: corpus.sequenceLength)
        } catch let error as InvalidSetting {
            throw InvalidSetting("model.attention.\(error.key)", error.problem)
        }
        if optimizer.generatorFirst, !objective.trainsGenerator {
            throw InvalidSetting(
                "optimizer.generator_first",
                "needs a generator that is trained; this objective has none, so set it to false")
        }
        try validateStages()
        try validateSynchronisation()
        try validateObjective()
        let (perStep, tooLong) = training.sequencesPerStep.multipliedReportingOverflow(by: corpus.sequenceLength)
        if tooLong || training.steps.multipliedReportingOverflow(by: perStep).overflow {
            throw InvalidSetting(
                "training.steps",
                "\(training.steps) steps of \(training.sequencesPerStep) sequences are more tokens than can be counted; "
                    + "lower training.steps, training.batch_size or training.accumulation_steps")
        }
    }
}
