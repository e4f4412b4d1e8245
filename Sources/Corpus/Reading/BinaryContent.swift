import Tokenization

/// Tells binary data and text in other encodings from UTF-8 text with a few damaged bytes.
enum BinaryContent {
    /// Fewer bytes say little: one invalid byte is much of a short line.
    static let minimumBytes = 512

    /// What is wrong with bytes that are hardly text: mostly zeros, or hardly UTF-8; nil for text.
    static func reason(_ bytes: UnsafeRawBufferPointer) -> String? {
        let nulls = bytes.count { $0 == 0 }
        if nulls * 16 > bytes.count {
            return "\(nulls) of \(bytes.count) bytes are 0, as in UTF-16 or binary data,"
        }
        guard bytes.count >= minimumBytes, UTF8Repair.firstInvalid(bytes) != nil else { return nil }
        var repaired: [UInt8] = []
        let invalid = UTF8Repair.append(bytes, to: &repaired)
        return invalid * 10 > bytes.count
            ? "\(invalid) parts of \(bytes.count) bytes are not UTF-8, as in binary data or another encoding," : nil
    }
}
