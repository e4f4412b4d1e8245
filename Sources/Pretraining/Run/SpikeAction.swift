/// What a step does that lies too far out (`training.spike_deviations`).
public enum SpikeAction: String, CaseIterable, Sendable {
    /// Nothing is learned from it.
    case skip
    /// Nothing is learned from the steps before it either, back to a checkpoint (as PaLM's authors restarted after spikes,
    /// Chowdhery et al. 2022, arXiv 2204.02311, section 5.1; here the step's number goes on instead of its text being left out).
    case rollBack = "roll_back"
}
