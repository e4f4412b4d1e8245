/// Why a long computation cannot start or go on in its directory.
public enum RunError: Error, Equatable, Sendable, CustomStringConvertible {
    case alreadyFinished(step: Int, path: String)

    public var description: String {
        switch self {
        case .alreadyFinished(let step, let path):
            "the run in \(path) has finished its \(step) steps; raise training.steps to go on, or choose another --output"
        }
    }
}
