import CLZ4
import CZlib
import CZstd
import Foundation

/// Documents of made-up sentences.
public enum SyntheticText {
    private static let parts = [
        ["The miller", "A small boat", "My neighbour", "The old clock", "Every lantern", "The quiet river", "A heron"],
        ["watches", "carries", "follows", "forgets", "paints", "answers", "measures", "hides"],
        ["the narrow bridge", "seven stones", "a letter from the coast", "the morning fog", "an empty basket"],
        ["before noon", "without a sound", "under the hill", "again and again", "when it rains"],
    ]

    public static func sentence(_ random: inout SplitMix64) -> String {
        parts.compactMap { $0.randomElement(using: &random) }.joined(separator: " ") + "."
    }

    public static func documents(_ count: Int, seed: UInt64, sentences: ClosedRange<Int> = 1...5) -> [String] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { _ in
            let length = Int.random(in: sentences, using: &random)
            return (0..<length).map { _ in sentence(&random) }.joined(separator: " ")
        }
    }

    public static func text(_ count: Int, seed: UInt64, sentences: ClosedRange<Int> = 1...5) -> String {
        documents(count, seed: seed, sentences: sentences).joined(separator: "\n\n") + "\n"
    }

    public static func jsonLines(_ count: Int, seed: UInt64) -> String {
        documents(count, seed: seed).map { #"{"text": "\#($0)"}"# + "\n" }.joined()
    }
}

/// Compressed files, made by the libraries that the program reads them with.
public enum Compressed {
    public static func gzip(_ text: String, to path: String) {
        let file = gzopen(path, "wb")
        let bytes = Array(text.utf8)
        gzwrite(file, bytes, UInt32(bytes.count))
        gzclose(file)
    }

    public static func zstandard(_ text: String) -> Data {
        let bytes = Array(text.utf8)
        var result = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
        let count = ZSTD_compress(&result, result.count, bytes, bytes.count, 3)
        return Data(result[..<count])
    }

    public static func lz4(_ text: String) -> Data {
        let bytes = Array(text.utf8)
        var result = [UInt8](repeating: 0, count: LZ4F_compressFrameBound(bytes.count, nil))
        let count = LZ4F_compressFrame(&result, result.count, bytes, bytes.count, nil)
        return Data(result[..<count])
    }
}
