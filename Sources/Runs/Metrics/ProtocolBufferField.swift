/// A field of a message of protocol buffers, as it is read.
package struct ProtocolBufferField {
    package private(set) var number: Int
    package private(set) var integer: UInt64 = 0
    package private(set) var bytes: ArraySlice<UInt8> = []

    /// All fields of a message, in their order.
    package static func fields(of message: ArraySlice<UInt8>) -> [ProtocolBufferField] {
        var rest = message
        var fields: [ProtocolBufferField] = []
        func varint() -> UInt64 {
            var (value, shift): (UInt64, UInt64) = (0, 0)
            while let byte = rest.popFirst() {
                value |= UInt64(byte & 0x7f) << shift
                if byte < 0x80 { break }
                shift += 7
            }
            return value
        }
        func take(_ count: Int) -> ArraySlice<UInt8> {
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        while !rest.isEmpty {
            let key = varint()
            var field = ProtocolBufferField(number: Int(truncatingIfNeeded: key >> 3))
            switch key & 7 {
            case 0: field.integer = varint()
            case 1: field.bytes = take(8)
            case 2: field.bytes = take(Int(clamping: varint()))
            default: field.bytes = take(4)
            }
            fields.append(field)
        }
        return fields
    }
}
