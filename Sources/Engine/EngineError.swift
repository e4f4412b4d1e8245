/// Why an engine cannot be made.
public enum EngineError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file of a frozen generator's samples cannot be opened or read.
    case unusableCache(path: String, reason: String)
    /// There is a file in its place that holds no such samples.
    case foreignCache(path: String)

    public var description: String {
        switch self {
        case .unusableCache(let path, let reason): "\(path): cannot write: \(reason)"
        case .foreignCache(let path):
            "\(path) is no file of a generator's samples, or one of an earlier version, and is left as it is; name another "
                + "file in objective.frozen_generator.cache, or remove this one if nothing else is in it"
        }
    }
}
