/// Elements of one JSON array, `[{...}, {...}]`, in place of lines.
extension DocumentReader {
    /// The number of bytes of the next element, which then begins at the buffer's start; nil at the end of the file.
    ///
    /// Overlong elements are dropped.
    func endOfElement() throws -> Int? {
        while try skipToElement() {
            var scan = JSONElementScan()
            var searched = 0
            while true {
                if let end = scan.end(buffer.bytes, from: searched), end <= rules.maximumLineBytes {
                    // A bracket that closes nothing is an element too, a malformed one: whatever is left has to get shorter.
                    return max(1, end)
                }
                searched = buffer.count
                if searched > rules.maximumLineBytes { break }
                if buffer.isAtEnd { return searched }
                try fill(beyond: searched)
            }
            try reject(
                .overlongLine, "the element is longer than corpus.maximum_line_bytes (\(rules.maximumLineBytes))")
            try dropElement()
        }
        return nil
    }

    /// Passes over bytes, and counts their lines.
    func pass(_ count: Int) {
        position.line += buffer.bytes[..<count].count { $0 == 0x0A }
        buffer.consume(count)
        position.offset = buffer.offset
    }

    /// Passes over what separates elements, and over the end of one array and the beginning of another.
    ///
    /// - Returns: false at the end of the file.
    private func skipToElement() throws -> Bool {
        var isOpen = true
        while true {
            try fill(beyond: 0)
            let bytes = buffer.bytes
            guard let place = bytes.firstIndex(where: { !ASCII.isSpace($0) && $0 != UInt8(ascii: ",") }) else {
                if bytes.isEmpty {
                    if isOpen { try reject(.malformedLine, "malformed JSON: the array does not end") }
                    return false
                }
                pass(bytes.count)
                continue
            }
            let byte = bytes[place]
            switch byte {
            case UInt8(ascii: "]") where isOpen: isOpen = false
            case UInt8(ascii: "[") where !isOpen: isOpen = true
            default:
                pass(place)
                if isOpen { return true }
                try reject(.malformedLine, "malformed JSON: something follows the array; the rest of the file is")
                return false
            }
            pass(place + 1)
        }
    }

    /// Passes over an element of any length in bounded memory.
    private func dropElement() throws {
        var scan = JSONElementScan()
        while true {
            if let end = scan.end(buffer.bytes, from: 0) { return pass(end) }
            pass(buffer.count)
            if buffer.isAtEnd { return }
            try fill(beyond: 0)
        }
    }
}

/// Finds the end of a JSON value whose bytes come in parts, without checking it.
private struct JSONElementScan {
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    /// - Parameter start: bytes before this have been seen.
    /// - Returns: the number of bytes up to the end; nil if it lies beyond.
    mutating func end(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        for index in start..<max(start, bytes.count) {
            let byte = bytes[index]
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                    if depth == 0 { return index + 1 }
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                // The bracket that ends a number or word belongs to the array around it.
                if depth == 0 { return index }
                depth -= 1
                if depth == 0 { return index + 1 }
            case UInt8(ascii: ","): if depth == 0 { return index }
            default: if depth == 0 && ASCII.isSpace(byte) { return index }
            }
        }
        return nil
    }
}
