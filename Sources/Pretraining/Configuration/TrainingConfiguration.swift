import Configuration
import Encoder
import Engine
import Kernels

/// Length of a run, its batches, and what happens along the way.
public struct TrainingConfiguration: Configurable, Equatable {
    public var steps = 1_000_000
    public var hours: Double?
    public var batchSize = 128
    public var accumulationSteps = 1
    public var stages: [TrainingStage] = []
    public var seed = 0
    /// Makes it another one, for one of several runs.
    package mutating func addToSeed(_ number: Int) { seed = (seed &+ number) & .max }
    /// Makes it one that none of several runs has, for what all of them share.
    package mutating func makeSeedApart() { addToSeed(1 << 20) }
    public var evaluateEvery = 1000
    public var checkpointEvery = 1000
    public var checkpointMinutes: Int? = 10
    public var keepLast = 3
    public var keepEvery: Int?
    public var logEvery = 10
    public var maximumSkippedSteps = 0
    public var spikeDeviations: Double?
    public var spikeAction = SpikeAction.skip
    public var lanes: Int?
    public var chunkTokens = 1024
    public var recomputation = ActivationRecomputation.none
    public var precision = ProductPrecision.float32
    public var communication = CommunicationPrecision.float32
    public var synchronisation = SynchronisationConfiguration()

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.integer("steps", &steps, 1...1 << 40, "Updates of the weights in the whole run.")
        try fields.integer("batch_size", &batchSize, 1...1_048_576, "Sequences of a batch.")
        try fields.number(
            "hours", &hours, 0.001...100_000,
            "Time to train instead of steps: when a run begins, steps are set to what this machine does in it, by a short "
                + "measurement, and written down; bits depend on the steps.")
        try fields.integer(
            "accumulation_steps", &accumulationSteps, 1...65536, "Batches of one update; their tokens weigh alike.")
        try fields.groups(
            "stages", &stages,
            "First parts of the run with shorter sequences or smaller batches than the rest, one after another.")
        try fields.integer("seed", &seed, 0...Int(Int64.max), "Seed of all random numbers of the run.")
        try fields.integer(
            "evaluate_every", &evaluateEvery, 0...1_000_000_000,
            "Steps between evaluations; 0: only after the last step.")
        try fields.integer(
            "checkpoint_every", &checkpointEvery, 0...1_000_000_000, "Steps between checkpoints; 0: only the last.")
        try fields.integer(
            "checkpoint_minutes", &checkpointMinutes, 1...100_000,
            "Minutes after which a checkpoint is due too; null: by steps alone. Where it falls changes nothing.")
        try fields.integer("keep_last", &keepLast, 1...1_000_000, "Checkpoints kept, counted from the newest.")
        try fields.integer(
            "keep_every", &keepEvery, 1...1_000_000_000, "Also keep checkpoints whose step is a multiple of this.")
        try fields.integer("log_every", &logEvery, 1...1_000_000, "Steps between lines of metrics.jsonl.")
        try fields.integer(
            "maximum_skipped_steps", &maximumSkippedSteps, 0...1_000_000,
            "Steps in a row that may be skipped because a gradient is not finite; 0 stops at the first.")
        try fields.number(
            "spike_deviations", &spikeDeviations, 1...1000,
            "Leave out steps whose loss or gradient norm lies more than so many standard deviations above the mean of the last 128; "
                + "6 is usual. null: none. Part of the run.")
        try fields.choice(
            "spike_action", &spikeAction,
            "What such a step does. skip: nothing is learned from it; roll_back: nor from the steps since the last checkpoint of "
                + "checkpoint_every, whose weights and moments come back, while the text and the schedule go on.")
        try fields.integer(
            "lanes", &lanes, 1...65536,
            "Groups of sequences whose gradients are summed by themselves: the most threads that help; four for each thread "
                + "balance the load. null: one for 2,048 tokens, from 2 to 64 (to 16 where sequences are divided). Part of the run: changing it changes results "
                + "in the last bits, and with coco_lm what is contrasted.")
        try fields.integer(
            "chunk_tokens", &chunkTokens, 1...1_048_576,
            "Tokens carried through the networks at a time; sets the memory for activations. Longer sequences are carried "
                + "by all threads together, in slices of as many tokens.")
        try fields.choice(
            "recomputation", &recomputation,
            "What the backward pass computes again instead of keeping it. feed_forward: the feed-forward layers' inside and "
                + "what norms put out, well over half of the memory, for one product more; layer: all but layers' "
                + "outputs, for a third more work.")
        try fields.choice(
            "precision", &precision,
            "Of what linear layers and the vocabulary multiply; everything else stays in single precision. bfloat16: faster on "
                + "processors that have instructions for it (config check says how much), slower than float32 on others. Part of the run."
        )
        try fields.choice(
            "communication", &communication,
            "Of what machines exchange. bfloat16: sums of lanes are rounded before they are added to others, and what weights "
                + "move by, for half the traffic; on any number of machines alike. Part of the run.")
        try fields.group(
            "synchronisation", &synchronisation, "How often the ranks of a run exchange what they have learned.")
    }

    /// Sequences that one update learns from.
    public var sequencesPerStep: Int { batchSize * accumulationSteps }
}
