/// Labels that are numbers.
extension TaskRow {
    /// The label as a number; nil where there is none.
    ///
    /// - Parameters:
    ///   - what: it is called in an error.
    ///   - path: of the row's file.
    func number(_ what: String, path: String) throws -> Double? {
        guard let label else { return nil }
        guard let number = Double(label), number.isFinite else {
            throw TaskError.row(path: path, line: line, "the \(what) \(label) is no number")
        }
        return number
    }
}

extension TaskItem {
    /// What `truth` has for a number: what tells it from others.
    static func truth(_ number: Double?) -> [Int32] {
        [number.map { Int32(truncatingIfNeeded: $0.bitPattern ^ ($0.bitPattern >> 32)) } ?? -1]
    }
}
