/// Why a long computation cannot start or go on in its directory.
public enum RunError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is nothing left to do.
    case alreadyFinished(step: Int, steps: Int, path: String)

    public var description: String {
        switch self {
        case .alreadyFinished(let step, let steps, let path) where steps < step:
            "the run in \(path) is at step \(step), beyond the \(steps) steps asked for now; its checkpoint is the result, or "
                + "raise training.steps above \(step) to go on"
        case .alreadyFinished(let step, _, let path):
            "the run in \(path) has finished its \(step) steps; raise training.steps to go on (of a run in hours too, which has had "
                + "steps since it began: leave its hours out, or pretrain run --output \(path) --set training.steps=…), or choose "
                + "another --output"
        }
    }
}
