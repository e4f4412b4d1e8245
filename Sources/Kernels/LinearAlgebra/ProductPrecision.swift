/// In which form linear layers and the vocabulary multiply. Sums are in single precision either way, as are weights,
/// moments, norms, attention, softmax and losses.
public enum ProductPrecision: String, CaseIterable, Decodable, Sendable {
    /// IEEE single precision.
    case float32
    /// Operands are rounded to bfloat16 (eight bits of exponent as in single precision, eight of significand), to nearest.
    case bfloat16

    /// What this process multiplies with; checkpoints record it, as bits depend on it.
    public var kernelName: String {
        switch self {
        case .float32: ProductLibrary.current.kernelName
        case .bfloat16: "\(BFloat16Backend.current.rawValue), \(ProductLibrary.current.kernelName)"
        }
    }

    /// For people: what multiplies, and how it was chosen.
    public var summary: String {
        switch self {
        case .float32: ProductLibrary.current.summary
        case .bfloat16: "\(BFloat16Backend.current.rawValue); \(ProductLibrary.current.summary)"
        }
    }
}
