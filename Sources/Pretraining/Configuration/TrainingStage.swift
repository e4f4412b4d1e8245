import Configuration
import Corpus
import Machine
import Runs

/// A first part of a run with shorter sequences or smaller batches than the rest.
public struct TrainingStage: Configurable, Equatable {
    public var steps = 1000
    public var sequenceLength: Int?
    public var batchSize: Int?

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.integer("steps", &steps, 1...1 << 40, "Updates of this stage.")
        try fields.integer(
            "sequence_length", &sequenceLength, 3...1_048_576,
            "Tokens of a sequence in this stage; null: corpus.sequence_length.")
        try fields.integer(
            "batch_size", &batchSize, 1...1_048_576, "Sequences of a batch in this stage; null: training.batch_size.")
    }
}

extension RunConfiguration {
    /// Which stage a step belongs to: an index, and the number of stages for the rest of the run.
    ///
    /// - Parameter step: counted from 1.
    func stageIndex(ofStep step: Int) -> Int {
        var end = 0
        for (index, stage) in training.stages.enumerated() {
            end += stage.steps
            if step <= end { return index }
        }
        return training.stages.count
    }

    /// What a stage runs with.
    package func configuration(ofStage index: Int) -> RunConfiguration {
        guard index < training.stages.count else { return self }
        var result = self
        let stage = training.stages[index]
        result.corpus.sequenceLength = stage.sequenceLength ?? corpus.sequenceLength
        result.training.batchSize = stage.batchSize ?? training.batchSize
        return result
    }

    /// The stages with the steps that each of them really has, the rest of the run last.
    package var plannedStages: [(steps: Int, configuration: RunConfiguration)] {
        var left = training.steps
        return (0...training.stages.count).map { index in
            let steps = index < training.stages.count ? min(left, training.stages[index].steps) : left
            left -= steps
            return (steps, configuration(ofStage: index))
        }
    }

    /// Tokens of full sequences in the whole run.
    package var plannedTokens: Int {
        plannedStages.reduce(0) { sum, stage in
            sum.addingSaturated(stage.steps.multipliedSaturated(by: stage.configuration.tokensPerStep))
        }
    }

    /// How much its steps have to do: the tokens of full sequences.
    package var stepSizes: StepSizes {
        StepSizes(plannedStages.map { .init(steps: $0.steps, size: Double($0.configuration.tokensPerStep)) })
    }

    /// Of full sequences, without stages. Settings are bounded one by one: the largest number stands for all beyond it.
    private var tokensPerStep: Int { training.sequencesPerStep.multipliedSaturated(by: corpus.sequenceLength) }

    func validateStages() throws {
        var length = 0
        for index in 0...training.stages.count {
            let stage = configuration(ofStage: index)
            if corpus.pairs, stage.corpus.sequenceLength < CorpusConfiguration.shortestWithPairs {
                throw InvalidSetting(
                    "training.stages.\(index).sequence_length",
                    "\(stage.corpus.sequenceLength) has no room for corpus.pairs; raise it to "
                        + "\(CorpusConfiguration.shortestWithPairs) at least")
            }
            if stage.corpus.sequenceLength < length {
                throw InvalidSetting(
                    index < training.stages.count
                        ? "training.stages.\(index).sequence_length" : "corpus.sequence_length",
                    "\(stage.corpus.sequenceLength) is shorter than the stage before, \(length); sequences can only grow, "
                        + "as those that are being filled go on into the next stage")
            }
            length = stage.corpus.sequenceLength
        }
        // A time is told in steps later, those of the stages among them.
        if training.hours == nil, training.stages.reduce(0, { $0.addingSaturated($1.steps) }) > training.steps {
            throw InvalidSetting(
                "training.stages", "have more steps together than training.steps \(training.steps); shorten them")
        }
    }
}
