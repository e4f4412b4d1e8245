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
    /// `[n, intermediate]` and `[n, 2 · intermediate]`: what a feed-forward layer computes again in the backward pass.
    let recomputed: (activation: ActivationSlot, product: ActivationSlot)?

    init(
        _ plan: inout ActivationPlan, _ shape: NetworkShape, _ patterns: NetworkPatterns,
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
                keys: patterns.keyCapacity(longestSegment: longestSegment, globalCapacity: globals)))
        let globalCount = patterns.hasGlobalProjections ? min(globals, rows) * shape.hiddenSize : 0
        globalInputs = plan.reserveScratch(globalCount)
        globalQueries = plan.reserveScratch(globalCount)
        globalKeysAndValues = plan.reserve(patterns.hasGlobalKeys ? tokens * 2 * shape.hiddenSize : 0)
        foldedQueries = FoldedGlobalQueries.Memory(
            &plan, shape, patterns, tokens: tokens, longestSegment: longestSegment, globals: globals)
        recomputed =
            recomputation == .feedForward
            ? (
                plan.reserveScratch(rows * shape.intermediateSize),
                plan.reserveScratch(rows * 2 * shape.intermediateSize)
            ) : nil
    }
}

/// What the backward pass computes again instead of finding it in memory.
public enum ActivationRecomputation: String, CaseIterable, Sendable {
    case none
    /// What lies between the two products of feed-forward layers, the widest activations: one product more.
    case feedForward = "feed_forward"
    /// Everything but each layer's output: a third more work.
    case layer
}
