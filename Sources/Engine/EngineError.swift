/// Why an engine cannot be made.
public enum EngineError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file of a frozen generator's samples cannot be opened or read.
    case unusableCache(path: String, reason: String)

    public var description: String {
        switch self {
        case .unusableCache(let path, let reason): "\(path): cannot write: \(reason)"
        }
    }
}
