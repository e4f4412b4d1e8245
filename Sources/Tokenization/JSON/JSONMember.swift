/// Replaces one member of a JSON object in its text, so that everything else stays byte for byte.
enum JSONMember {
    /// - Parameters:
    ///   - text: a JSON object, known to be well formed.
    ///   - value: the new value's text.
    static func replacing(_ name: String, in text: [UInt8], with value: String) -> [UInt8] {
        var result = text
        if let range = range(of: name, in: text) {
            result.replaceSubrange(range, with: value.utf8)
        } else if let brace = text.firstIndex(of: UInt8(ascii: "{")) {
            let rest = text[(brace + 1)...].first { !isSpace($0) }
            let comma = rest == UInt8(ascii: "}") ? "" : ","
            result.insert(contentsOf: "\"\(name)\": \(value)\(comma)".utf8, at: brace + 1)
        }
        return result
    }

    /// Where the value of a member of the outermost object stands.
    private static func range(of name: String, in text: [UInt8]) -> Range<Int>? {
        var depth = 0
        var position = 0
        /// The last string of the outermost object, and the place behind it.
        var key: (text: ArraySlice<UInt8>, end: Int)?
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: "\""):
                let end = endOfString(text, from: position)
                if depth == 1 { key = (text[(position + 1)..<(end - 1)], end) }
                position = end
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: ":") where depth == 1:
                if let key, key.text.elementsEqual(name.utf8) { return value(in: text, from: position + 1) }
            default: break
            }
            position += 1
        }
        return nil
    }

    private static func value(in text: [UInt8], from start: Int) -> Range<Int> {
        var begin = start
        while begin < text.count, isSpace(text[begin]) { begin += 1 }
        var depth = 0
        var position = begin
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: "\""):
                position = endOfString(text, from: position)
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return begin..<position }
                depth -= 1
            case UInt8(ascii: ",") where depth == 0: return begin..<position
            default: break
            }
            position += 1
        }
        return begin..<position
    }

    /// The place behind a string's closing quote.
    private static func endOfString(_ text: [UInt8], from start: Int) -> Int {
        var position = start + 1
        while position < text.count, text[position] != UInt8(ascii: "\"") {
            position += text[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(position + 1, text.count)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
}
