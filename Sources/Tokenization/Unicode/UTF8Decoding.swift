/// Bytes outside valid UTF-8 travel through the scanners as pseudo-scalars above Unicode's range.
enum InvalidByte {
    static let base: UInt32 = 0x11_0000
}

/// Decodes the scalar at `position` of `bytes` and says how many bytes it takes.
///
/// A byte that starts no valid sequence gives `InvalidByte.base` + byte and length 1.
@inline(__always)
func decodeScalar(
    _ bytes: UnsafePointer<UInt8>, at position: Int, end: Int
) -> (scalar: UInt32, length: Int) {
    let first = UInt32(bytes[position])
    if first < 0x80 { return (first, 1) }
    return decodeLongScalar(bytes, at: position, end: end)
}

@inline(__always)
private func continuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

func decodeLongScalar(
    _ bytes: UnsafePointer<UInt8>, at position: Int, end: Int
) -> (scalar: UInt32, length: Int) {
    let first = UInt32(bytes[position])
    let available = end &- position
    switch first {
    case 0xC2...0xDF:
        guard available >= 2, continuation(bytes[position &+ 1]) else { break }
        return ((first & 0x1F) << 6 | UInt32(bytes[position &+ 1] & 0x3F), 2)
    case 0xE0...0xEF:
        guard available >= 3, continuation(bytes[position &+ 1]), continuation(bytes[position &+ 2]) else { break }
        let high = (first & 0x0F) << 12 | UInt32(bytes[position &+ 1] & 0x3F) << 6
        let scalar = high | UInt32(bytes[position &+ 2] & 0x3F)
        guard scalar >= 0x800, scalar & 0xFFFF_F800 != 0xD800 else { break }
        return (scalar, 3)
    case 0xF0...0xF4:
        guard available >= 4, continuation(bytes[position &+ 1]), continuation(bytes[position &+ 2]),
            continuation(bytes[position &+ 3])
        else { break }
        let high = (first & 0x07) << 18 | UInt32(bytes[position &+ 1] & 0x3F) << 12
        let scalar = high | UInt32(bytes[position &+ 2] & 0x3F) << 6 | UInt32(bytes[position &+ 3] & 0x3F)
        guard scalar >= 0x10000, scalar < 0x110000 else { break }
        return (scalar, 4)
    default: break
    }
    return (InvalidByte.base + first, 1)
}

/// The number of bytes that a scalar (or an invalid byte's pseudo-scalar) takes.
@inline(__always)
func encodedLength(_ scalar: UInt32) -> Int {
    if scalar < 0x80 { return 1 }
    if scalar < 0x800 { return 2 }
    if scalar < 0x10000 { return 3 }
    return scalar < InvalidByte.base ? 4 : 1
}

/// Appends a scalar's UTF-8, or the byte itself of an invalid byte's pseudo-scalar.
func appendUTF8(_ scalar: UInt32, to bytes: inout [UInt8]) {
    if scalar < 0x80 {
        bytes.append(UInt8(scalar))
    } else if scalar < 0x800 {
        bytes.append(UInt8(0xC0 | scalar >> 6))
        bytes.append(UInt8(0x80 | scalar & 0x3F))
    } else if scalar < 0x10000 {
        bytes.append(UInt8(0xE0 | scalar >> 12))
        bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
        bytes.append(UInt8(0x80 | scalar & 0x3F))
    } else if scalar < InvalidByte.base {
        bytes.append(UInt8(0xF0 | scalar >> 18))
        bytes.append(UInt8(0x80 | scalar >> 12 & 0x3F))
        bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
        bytes.append(UInt8(0x80 | scalar & 0x3F))
    } else {
        bytes.append(UInt8(truncatingIfNeeded: scalar))
    }
}

extension UnsafeBufferPointer where Element == UInt8 {
    /// The scalars of UTF-8 text, with a pseudo-scalar for each invalid byte.
    func decodedScalars() -> [UInt32] {
        guard let base = baseAddress else { return [] }
        var scalars: [UInt32] = []
        scalars.reserveCapacity(count)
        var position = 0
        while position < count {
            let (scalar, length) = decodeScalar(base, at: position, end: count)
            scalars.append(scalar)
            position += length
        }
        return scalars
    }
}
