/// In which form linear layers and the vocabulary multiply. Sums are in single precision either way, as are weights,
/// moments, norms, attention, softmax and losses.
public enum ProductPrecision: String, CaseIterable, Decodable, Sendable {
    /// IEEE single precision.
    case float32
    /// Operands are rounded to bfloat16 (eight bits of exponent as in single precision, eight of significand), to nearest.
    case bfloat16

    /// Whether products read weights in a form of their own, made once a step.
    public var keepsWeights: Bool { self == .bfloat16 && BFloat16Backend.current.keepsWeights }

    /// Whether this process multiplies in bfloat16 faster than in single precision: by instructions of the processor that are
    /// made for it, on tiles where those would be slow.
    public static var isBFloat16Fast: Bool {
        let choice = BFloat16Backend.choice
        return choice.backend != .emulated && choice.advice == nil
    }

    /// What this process multiplies with; checkpoints record it, as bits depend on it.
    public var kernelName: String {
        switch self {
        case .float32: ProductLibrary.current.kernelName
        case .bfloat16: "\(BFloat16Backend.current.name), \(ProductLibrary.current.kernelName)"
        }
    }

    /// What to change about the installation, if anything, for a number of threads.
    public func advice(threads: Int) -> [String] {
        ProductLibrary.current.advice(threads: threads)
            + (self == .bfloat16 ? [BFloat16Backend.choice.advice].compactMap(\.self) : [])
    }

    /// Refuses installations whose products would run on threads that nobody counts, and a back-end that was asked for and
    /// cannot be had.
    ///
    /// - Throws: `ProductLibraryError`, `BFloat16Error`.
    public static func checkInstallation() throws {
        try ProductLibrary.current.check()
        // Only what was asked for can be wrong; nothing is loaded for commands that do not multiply.
        if BFloat16Choice.wasAsked, let error = BFloat16Backend.choice.error { throw error }
    }

    /// For people: what multiplies, and how it was chosen.
    public var summary: String {
        switch self {
        case .float32: ProductLibrary.current.summary
        case .bfloat16: "\(BFloat16Backend.current.name); \(ProductLibrary.current.summary)"
        }
    }
}
