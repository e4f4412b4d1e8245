import Foundation

extension OutputFile {
    /// Writes a report as JSON, with keys in snake_case and sorted.
    ///
    /// - Throws: `EncodingError` for a number that is not finite, `FileFailure`.
    public func write(report: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        try write(try encoder.encode(report) + Data("\n".utf8))
    }
}
