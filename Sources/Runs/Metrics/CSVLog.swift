import Files
import Foundation

/// Numbers of a run as a table with a header: a line for every record, a column for every quantity.
final class CSVLog {
    private let path: String
    private var file: AppendOnlyFile
    private var columns: [String]

    /// - Parameters:
    ///   - path: the file.
    ///   - step: the step of the checkpoint that the run goes on from: lines of later ones are removed. Nil starts anew.
    /// - Throws: `MetricsError`.
    init(path: String, resumingAfter step: Int?) throws {
        self.path = path
        var columns: [String] = []
        var kept: [Substring] = []
        if let step, let data = try Self.contents(path) {
            let lines = String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true)
            columns = lines.first.map { $0.split(separator: ",").map(String.init) } ?? []
            let width = columns.count
            kept = lines.dropFirst().filter { line in
                let cells = line.split(separator: ",", omittingEmptySubsequences: false)
                // A line torn by a crash has too few.
                return cells.count == width && cells.first.flatMap { Int($0) }.map { $0 <= step } ?? false
            }
        }
        if columns.first != "step" { (columns, kept) = (["step", "seconds"], []) }
        let text = ([columns.joined(separator: ",")] + kept.map(String.init)).joined(separator: "\n") + "\n"
        do {
            try OutputFile(checking: path).write(Data(text.utf8))
        } catch {
            throw MetricsError.cannotWrite(path: path, reason: "\(error)")
        }
        self.columns = columns
        file = try AppendOnlyFile(path: path)
    }

    /// Nil where there is no such file; one that cannot be read must not be written anew as if there were none.
    private static func contents(_ path: String) throws -> Data? {
        do {
            return try FileDescriptor.contents(of: path, limit: .max)
        } catch let failure as FileFailure {
            if failure.code == ENOENT { return nil }
            throw MetricsError.cannotOpen(path: path, reason: String(cString: strerror(failure.code)))
        }
    }

    /// Waits until all lines have reached the disk.
    func synchronize() throws { try file.synchronize() }

    /// Appends a line; what is not finite, or not there, is left empty.
    func append(step: Int, seconds: Double, _ values: [(name: String, value: Double)]) throws {
        let new = values.map(\.name).filter { !columns.contains($0) }
        if !new.isEmpty { try widen(by: new) }
        let found = Dictionary(values.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        let cells = columns.map { column in
            switch column {
            case "step": "\(step)"
            case "seconds": "\((seconds * 1000).rounded() / 1000)"
            default: found[column].flatMap { $0.isFinite ? "\($0)" : nil } ?? ""
            }
        }
        try file.append(Array((cells.joined(separator: ",") + "\n").utf8))
    }

    /// Writes the file anew with more columns: quantities that came later, such as the first AUC.
    private func widen(by names: [String]) throws {
        let lines = String(decoding: try Self.contents(path) ?? Data(), as: UTF8.self)
            .split(separator: "\n").dropFirst()
        let columns = columns + names
        let blanks = String(repeating: ",", count: names.count)
        let text = ([columns.joined(separator: ",")] + lines.map { $0 + blanks }).joined(separator: "\n") + "\n"
        do {
            try OutputFile(checking: path).write(Data(text.utf8))
        } catch {
            throw MetricsError.cannotWrite(path: path, reason: "\(error)")
        }
        file = try AppendOnlyFile(path: path)
        self.columns = columns
    }
}
