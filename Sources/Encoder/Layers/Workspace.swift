import Kernels

/// Memory that layers of one network use in turn, within one call.
struct Workspace: Sendable {
    /// `[n, hidden]`: a branch's output, and its gradient.
    let branch: ActivationSlot
    /// `[n, hidden]`: the gradient of what attention mixed.
    let mixed: ActivationSlot
    /// `[n, 3 · hidden]`: the gradient of queries, keys and values.
    let queryKeyValue: ActivationSlot
    /// `[n, intermediate]`: the gradient of the feed-forward activation.
    let intermediate: ActivationSlot
    /// Tiles of attention scores.
    let attention: ActivationSlot
    /// `[global tokens, hidden]` each: inputs and queries of global tokens with projections of their own, or gradients.
    let globalInputs: ActivationSlot
    let globalQueries: ActivationSlot
    /// `[n, 2 · hidden]`: the gradient of the keys and values that they see.
    let globalKeysAndValues: ActivationSlot
    let foldedQueries: FoldedGlobalQueries.Memory?
    /// What feed-forward layers and norms compute again in the backward pass.
    let recomputed: RecomputedActivations?

    init(
        _ plan: inout ActivationPlan, _ model: ModelConfiguration, _ shape: NetworkShape, _ patterns: NetworkPatterns,
        recomputation: ActivationRecomputation, tokens: Int, longestSegment: Int
    ) {
        let rows = plan.scratchRows(tokens)
        let globals = patterns.globalCapacity(tokens: tokens, longestSegment: longestSegment)
        branch = plan.reserveScratch(rows * shape.hiddenSize)
        mixed = plan.reserve(tokens * shape.hiddenSize)
        queryKeyValue = plan.reserve(tokens * 3 * shape.hiddenSize)
        intermediate = plan.reserveScratch(rows * shape.intermediateSize)
        attention = plan.reserveScratch(
            AttentionKernel(headCount: shape.headCount, headSize: shape.headSize).scratchCount(
                keys: patterns.keyCapacity(longestSegment: longestSegment, globalCapacity: globals),
                relativeTo: model.attention.disentangled ? longestSegment : nil))
        let globalCount = patterns.hasGlobalProjections ? min(globals, rows) * shape.hiddenSize : 0
        globalInputs = plan.reserveScratch(globalCount)
        globalQueries = plan.reserveScratch(globalCount)
        globalKeysAndValues = plan.reserve(patterns.hasGlobalKeys ? tokens * 2 * shape.hiddenSize : 0)
        foldedQueries = FoldedGlobalQueries.Memory(
            &plan, shape, patterns, tokens: tokens, longestSegment: longestSegment, globals: globals)
        recomputed = recomputation == .feedForward ? RecomputedActivations(&plan, shape, tokens: tokens) : nil
    }
}

/// Memory for activations that one layer after another computes again.
struct RecomputedActivations: Sendable {
    /// `[n, intermediate]` and `[n, 2 · intermediate]`: between the products of a feed-forward layer.
    let activation: ActivationSlot
    let product: ActivationSlot
    /// What norms put out, `[n, hidden]` each.
    let ofAttention: Normalized
    let ofFeedForward: Normalized

    /// Of a sublayer: the branch's input where the norm comes before the branch, the output where it comes after the sum.
    struct Normalized: Sendable {
        let input: ActivationSlot
        let output: ActivationSlot
    }

    init(_ plan: inout ActivationPlan, _ shape: NetworkShape, tokens: Int) {
        let rows = plan.scratchRows(tokens)
        activation = plan.reserveScratch(rows * shape.intermediateSize)
        product = plan.reserveScratch(rows * 2 * shape.intermediateSize)
        // Attention reads all rows of its input, and the next layer all rows of this one's output, which may therefore
        // take the place of its input. What is between the sublayers lives within one visit of a slice.
        let between = plan.reserveScratch(rows * shape.hiddenSize)
        ofAttention = Normalized(input: plan.reserve(tokens * shape.hiddenSize), output: between)
        ofFeedForward = Normalized(input: between, output: plan.reserve(tokens * shape.hiddenSize))
    }
}

/// What the backward pass computes again instead of finding it in memory.
public enum ActivationRecomputation: String, CaseIterable, Sendable {
    case none
    /// What lies between the two products of feed-forward layers, the widest activations, and what norms put out: one
    /// product more.
    case feedForward = "feed_forward"
    /// Everything but each layer's output: a third more work.
    case layer
}
