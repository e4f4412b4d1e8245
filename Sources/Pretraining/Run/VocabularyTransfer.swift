import Formatting
import Kernels
import Tokenization

/// How the rows of a table for a new vocabulary are made from those of an old one.
///
/// A token that both have keeps its row, special tokens by their role; any other gets the mean of the rows of its pieces under the
/// old tokenizer, and where that makes nothing of it, the mean of all rows.
package struct VocabularyTransfer {
    /// Of each new id the old ids whose mean it is; empty for the mean of all.
    package let sources: [[Int32]]
    let oldCount: Int
    package private(set) var copied = 0
    package private(set) var special = 0
    package private(set) var averaged = 0
    package private(set) var unknown = 0
    /// Old rows that no new token has for its own.
    package private(set) var left = 0

    /// - Throws: `TokenizerError` where one of them lacks special tokens.
    package init(from old: Tokenizer, to new: Tokenizer) throws {
        oldCount = old.vocabularySize
        let roles = Dictionary(
            zip(try new.specialTokens.all, try old.specialTokens.all), uniquingKeysWith: { first, _ in first })
        var known: [TokenText: Int32] = [:]
        for id in (0..<Int32(old.vocabularySize)).reversed() where old.contains(id) {
            if let text = old.text(of: id) { known[text] = id }
        }
        let encoder = TokenizerEncoder(old)
        let unknownID = old.unknownID
        var sources: [[Int32]] = []
        var kept: Set<Int32> = []
        for id in 0..<Int32(new.vocabularySize) {
            if let role = roles[id] {
                sources.append([role])
                special += 1
            } else if let text = new.text(of: id) {
                if let same = known[text] {
                    sources.append([same])
                    copied += 1
                } else {
                    let pieces = old.pieces(of: text, encoder).filter { $0 != unknownID }
                    sources.append(pieces)
                    if pieces.isEmpty { unknown += 1 } else { averaged += 1 }
                }
            } else {
                // A hole in the vocabulary, which no text will reach.
                sources.append([])
                unknown += 1
            }
            if let last = sources.last, last.count == 1 { kept.insert(last[0]) }
        }
        self.sources = sources
        left = (0..<Int32(old.vocabularySize)).count { old.contains($0) && !kept.contains($0) }
    }

    /// Whether a tensor of the old model has a row, or a number, for each token.
    package func isOfVocabulary(_ name: String, shape: [Int]) -> Bool {
        // The output of a detection head has the same name and one row.
        shape.first == oldCount
            && ["word", "word_difference", "head.output.weight", "head.bias", "corrective.bias"].contains { ending in
                name == ending || name.hasSuffix("." + ending) || name.hasSuffix("_" + ending)
            }
    }

    /// Fills a table.
    ///
    /// - Parameters:
    ///   - source: `[old vocabulary, width]`.
    ///   - target: `[new vocabulary, width]`.
    package func fill(_ target: UnsafeMutablePointer<Float>, from source: UnsafePointer<Float>, width: Int) {
        var sum = [Double](repeating: 0, count: width)
        for row in 0..<oldCount {
            for column in 0..<width { sum[column] += Double(source[row * width + column]) }
        }
        let mean = sum.map { Float($0 / Double(max(oldCount, 1))) }
        for (row, ids) in sources.enumerated() {
            let place = target + row * width
            switch ids.count {
            case 0: for column in 0..<width { place[column] = mean[column] }
            case 1: place.update(from: source + Int(ids[0]) * width, count: width)
            default:
                for column in 0..<width {
                    let total = ids.reduce(0.0) { $0 + Double(source[Int($1) * width + column]) }
                    place[column] = Float(total / Double(ids.count))
                }
            }
        }
    }

    /// What is told of it.
    package var note: String {
        func count(_ number: Int) -> String { CountFormat.grouped(number) }
        return
            "the vocabulary is new: of \(count(sources.count)) tokens \(count(copied)) have the rows of the old ones, "
            + "\(count(special)) special ones those of their roles, \(count(averaged)) the mean of their pieces, "
            + "\(count(unknown)) the mean of all; \(count(left)) old tokens are left"
    }
}
