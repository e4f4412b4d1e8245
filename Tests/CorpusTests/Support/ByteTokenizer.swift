import Corpus

/// One token per byte, so that batches can be turned back into text.
struct ByteTokenizer: DocumentTokenizer {
    static let firstByte: Int32 = 10

    var classificationID: Int32 { 2 }
    var separatorID: Int32 { 3 }
    var paddingID: Int32 { 0 }
    var vocabularySize: Int { Int(Self.firstByte) + 256 }
    /// Bytes to leave out, to make documents without tokens.
    var ignored: Set<UInt8> = []

    func makeEncoder() -> any DocumentEncoder { Encoder(ignored: ignored) }

    struct Encoder: DocumentEncoder {
        let ignored: Set<UInt8>

        mutating func encode(_ bytes: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32]) {
            for byte in bytes where !ignored.contains(byte) { tokens.append(Int32(byte) + ByteTokenizer.firstByte) }
        }

        mutating func encode(
            _ bytes: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32], countingBefore offsets: [Int]
        ) -> [Int] {
            let before = tokens.count
            encode(bytes, into: &tokens)
            return offsets.map { before + bytes[..<$0].count { !ignored.contains($0) } }
        }
    }
}

extension TokenBatch {
    /// The text of each segment, checking that each is `[CLS] tokens… [SEP]`.
    func segmentTexts() throws -> [String] {
        try zip(segmentOffsets, segmentOffsets.dropFirst()).map { start, end in
            guard end - start >= 3, tokens[start] == 2, tokens[end - 1] == 3 else { throw MalformedBatch() }
            let bytes = tokens[start + 1..<end - 1].map { $0 - ByteTokenizer.firstByte }
            guard bytes.allSatisfy({ 0...255 ~= $0 }) else { throw MalformedBatch() }
            return String(decoding: bytes.map { UInt8($0) }, as: UTF8.self)
        }
    }

    struct MalformedBatch: Error {}
}
