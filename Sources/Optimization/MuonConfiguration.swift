import Configuration

/// Muon's settings for the matrices of hidden layers; `optimizer.peak_learning_rate` and all else there is AdamW's, for the rest.
public struct MuonConfiguration: Configurable, Equatable {
    public var peakLearningRate = 0.02
    public var momentum = 0.95
    public var weightDecay = 0.1
    public var scaling = MuonScaling.spectral

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.number(
            "peak_learning_rate", &peakLearningRate, 0...100,
            "Learning rate of the matrices at the end of warmup; it follows the same schedule.")
        try fields.number("momentum", &momentum, 0...0.99999, "Decay of the average of gradients; Nesterov's form.")
        try fields.number(
            "weight_decay", &weightDecay, 0...10,
            "Decoupled weight decay of the matrices; without it they outgrow the words' vectors.")
        try fields.choice(
            "scaling", &scaling,
            "How far a step of rate 1 moves: spectral, √max(1, rows/columns), whose rate stays as width grows; or like_adamw, "
                + "0.2·√max(rows, columns), whose rate is of AdamW's size and falls with the root of the width.")
    }

    /// What orthogonal updates of a shape are multiplied with.
    public func scale(rows: Int, columns: Int) -> Double {
        switch scaling {
        case .spectral: max(1, Double(rows) / Double(columns)).squareRoot()
        case .likeAdamW: 0.2 * Double(max(rows, columns)).squareRoot()
        }
    }
}

/// How orthogonal updates are scaled: `adjust_lr_fn` of `torch.optim.Muon`.
public enum MuonScaling: String, CaseIterable, Sendable {
    /// `original`: the spectral norm that feature learning asks for (Yang et al. 2023, arXiv 2310.17813).
    case spectral
    /// `match_rms_adamw`: the root mean square of AdamW's steps (Liu et al. 2025, arXiv 2502.16982).
    case likeAdamW = "like_adamw"
}
