import Formatting

/// Why an engine cannot be made.
public enum EngineError: Error, Equatable, Sendable, CustomStringConvertible {
    case notEnoughMemory(needed: Int, machine: Int)
    /// The file of a frozen generator's samples cannot be opened or read.
    case unusableCache(path: String, reason: String)

    public var description: String {
        switch self {
        case .notEnoughMemory(let needed, let machine):
            "the run needs about \(ByteFormat.text(needed)) of memory and this machine has \(ByteFormat.text(machine)): "
                + "choose a smaller model, or lower training.lanes, training.chunk_tokens, training.batch_size or --threads"
        case .unusableCache(let path, let reason): "\(path): cannot write: \(reason)"
        }
    }
}
