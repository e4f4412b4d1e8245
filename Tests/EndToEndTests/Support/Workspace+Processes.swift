import TestSupport

extension Workspace {
    /// Processes of a run that is under way, by number.
    func processes(_ output: String) -> [Int32] {
        Processes.of(Program.path, having: output) {
            $0.split(separator: "/").last == path.split(separator: "/").last
        }
    }
}
