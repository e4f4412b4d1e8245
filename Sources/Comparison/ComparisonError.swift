/// Why arms cannot be compared.
public enum ComparisonError: Error, Equatable, CustomStringConvertible {
    /// A configuration that does not work, or does not compare.
    case arm(String, String)
    /// The folder holds a comparison of other length.
    case otherBudget(path: String, begun: String, asked: String)
    /// What the folder keeps of its length cannot be.
    case unusableBudget(path: String)
    /// Learning rates were tuned in the folder by an earlier version, on text that a trial of its own replaced, or by a part of the
    /// loss.
    case otherTuning(path: String)
    /// Runs side by side need more memory than there is.
    case memory(jobs: Int, fitting: Int)
    /// A signal stopped it; the same command goes on.
    case stopped(signal: String)

    public var description: String {
        switch self {
        case .arm(let name, let problem): "arm \(name): \(problem)"
        case .otherBudget(let path, let begun, let asked):
            "\(path) holds a comparison of \(begun) for each run, and \(asked) was asked for; repeat the command that began "
                + "it, or choose another --output"
        case .unusableBudget(let path): "\(path) has steps that no run can have; remove it, or choose another --output"
        case .otherTuning(let path):
            "\(path) was tuned by an earlier version, which judged trials otherwise; choose another --output"
        case .memory(let jobs, let fitting):
            "there is memory for \(fitting) of these runs at a time, not for \(jobs): lower --jobs to \(fitting)"
        case .stopped(let signal): "stopped by \(signal); the same command goes on from there"
        }
    }
}
