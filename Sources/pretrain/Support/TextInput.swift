import Corpus
import FineTuning
import Foundation

/// Texts that a command reads from a file, one after another.
enum TextInput {
    /// - Parameters:
    ///   - path: `.jsonl`, `.tsv` or `.csv` with a member or column for the text, or anything else with a text a line; plain or
    ///     compressed. An empty line is an empty text.
    ///   - field: the member or column.
    static func read(_ path: String, field: String) throws -> [[UInt8]] {
        if let form = TaskTable.Form(ofFile: path), form != .texts {
            var fields = TaskTable.Fields(TaskConfiguration(), needsLabel: false)
            try fields.rename("text", to: field)
            return try TaskTable.read(path, fields).map { Array($0.text.utf8) }
        }
        var lines = try TaskTable.lines(ofFile: path)
        // What follows the last line feed is no text.
        if lines.last?.isEmpty == true { lines.removeLast() }
        if lines.isEmpty { throw UnsuitableInput("\(path) holds no texts") }
        return lines
    }
}
