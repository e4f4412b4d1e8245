import Tokenization

/// Paths as strings that lose nothing: file names are bytes, and not all of them are UTF-8.
///
/// A byte that is not part of UTF-8 stands in a path's string as one of the last 128 private characters, U+10FF80 to
/// U+10FFFF; so do the bytes of these characters themselves, should a name hold one. Only what talks to the system has to
/// know (`withBytes`), and what people read (`shown`).
package enum SystemPath {
    private static let firstStandIn: UInt32 = 0x10FF80

    /// The string of a name as the system gives it.
    package static func string(_ name: UnsafeRawBufferPointer) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(name.count)
        var valid = UTF8Repair.firstInvalid(name) ?? name.count
        var position = 0
        while position < name.count {
            if position == valid {
                appendStandIn(name[position], to: &result)
                position += 1
                let rest = UnsafeRawBufferPointer(rebasing: name[position...])
                valid = position + (UTF8Repair.firstInvalid(rest) ?? rest.count)
            } else if isStandIn(name, at: position) {
                for byte in name[position..<position + 4] { appendStandIn(byte, to: &result) }
                position += 4
            } else {
                result.append(name[position])
                position += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The bytes that a path's string stands for, without a NUL at the end.
    package static func bytes(_ path: String) -> [UInt8] {
        var result: [UInt8] = []
        for scalar in path.unicodeScalars {
            if scalar.value >= firstStandIn {
                result.append(UInt8(0x80 + scalar.value - firstStandIn))
            } else {
                result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        return result
    }

    /// Calls a function of the system with a path.
    static func withBytes<Result>(_ path: String, _ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        guard path.utf8.contains(0xF4) else { return try path.withCString(body) }
        return try (bytes(path) + [0]).map { CChar(bitPattern: $0) }.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return try path.withCString(body) }
            return try body(start)
        }
    }

    /// The text with bytes that are not UTF-8 written out, as `\xE9`.
    package static func shown(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value >= firstStandIn }) else { return text }
        return text.unicodeScalars.map { scalar in
            scalar.value >= firstStandIn
                ? "\\x" + String(0x80 + scalar.value - firstStandIn, radix: 16, uppercase: true) : String(scalar)
        }.joined()
    }

    private static func isStandIn(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Bool {
        index + 3 < bytes.count && bytes[index] == 0xF4 && bytes[index + 1] == 0x8F && bytes[index + 2] >= 0xBE
    }

    private static func appendStandIn(_ byte: UInt8, to result: inout [UInt8]) {
        guard byte >= 0x80, let scalar = Unicode.Scalar(firstStandIn + UInt32(byte) - 0x80) else { return }
        result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
}
