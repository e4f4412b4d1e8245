import Corpus
import Foundation

/// A configuration of one source.
func configuration(
    _ path: String, format: CorpusFormat = .auto, separator: DocumentSeparator = .blankLine, heldOut: Double = 0,
    _ change: (inout CorpusConfiguration) -> Void = { _ in }
) -> CorpusConfiguration {
    var configuration = CorpusConfiguration()
    configuration.sources = [CorpusSource(path: path, format: format, documentSeparator: separator)]
    configuration.heldOut = heldOut
    change(&configuration)
    return configuration
}

/// A JSON line with the text and, around it, what might confuse a careless parser.
func jsonLine(_ text: String, decorated: Bool = true) throws -> String {
    let quoted = String(
        decoding: try JSONSerialization.data(withJSONObject: text, options: .fragmentsAllowed), as: UTF8.self)
    if !decorated { return "{\"text\": \(quoted)}" }
    return
        "{\"meta\": {\"text\": \"inner\", \"n\": [1, -2.5e3, {\"text\": null}, true]}, \"text\": \(quoted), \"id\": 7}"
}

/// The pieces of every file of a listing, in order.
func pieces(
    _ configuration: CorpusConfiguration
) throws -> (texts: [String], indexes: [Int], heldOut: [Bool], report: CorpusReport) {
    let listing = try CorpusListing(configuration)
    var result: (texts: [String], indexes: [Int], heldOut: [Bool], report: CorpusReport) = ([], [], [], listing.report)
    for file in listing.sources.flatMap(\.files) {
        do {
            let reader = try DocumentReader(file, rules: ReadingRules(configuration))
            while let piece = try reader.next() {
                result.texts.append(String(decoding: piece.text, as: UTF8.self))
                result.indexes.append(piece.index)
                result.heldOut.append(piece.isHeldOut)
            }
            result.report.add(reader.report)
        } catch let unusable as DocumentReader.Unusable {
            result.report.add(unusable.report)
        }
    }
    return result
}
