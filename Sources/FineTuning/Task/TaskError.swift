/// Why a task cannot be learned or a file of texts not be used.
public enum TaskError: Error, Equatable, CustomStringConvertible {
    /// A line or row that is not what it should be.
    case row(path: String, line: Int, String)
    case file(path: String, String)
    /// The run directory holds another fine-tuning.
    case otherRun(path: String, differences: [String])

    public var description: String {
        switch self {
        case .row(let path, let line, let problem): "\(path):\(line): \(problem)"
        case .file(let path, let problem): "\(path): \(problem)"
        case .otherRun(let path, let differences):
            "\(path) holds another fine-tuning, which differs in \(differences.joined(separator: ", ")); choose another "
                + "--output"
        }
    }
}
