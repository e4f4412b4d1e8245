import ArgumentParser
import Foundation

/// `--json` for every command that reports.
struct ReportOptions: ParsableArguments {
    @Flag(name: .long, help: "Print one JSON object on standard output, with keys in snake_case.")
    var json = false

    /// Prints the report: as one JSON object with `--json`, as text otherwise.
    func show(_ report: some Encodable, text: () -> String) throws {
        try OutputBuffer.print(json ? String(decoding: try Self.encoder.encode(report), as: UTF8.self) : text())
    }

    static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        return encoder
    }()
}
