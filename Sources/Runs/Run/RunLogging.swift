/// What a run writes beside `metrics.jsonl` and TensorBoard's scalars; nothing of it touches the result.
public struct RunLogging: Sendable {
    /// Steps between TensorBoard's histograms of weights and gradients; 0: none.
    public var histogramEvery: Int
    /// Whether `metrics.csv` and `evaluations.csv` are written.
    public var writesCSV: Bool
    /// For TensorBoard's HParams tab.
    public var hyperparameters: [Hyperparameter]

    public init(histogramEvery: Int = 0, writesCSV: Bool = false, hyperparameters: [Hyperparameter] = []) {
        self.histogramEvery = histogramEvery
        self.writesCSV = writesCSV
        self.hyperparameters = hyperparameters
    }

    /// Whether histograms are due after a step.
    public func wantsHistograms(after step: Int) -> Bool { histogramEvery > 0 && step % histogramEvery == 0 }
}
