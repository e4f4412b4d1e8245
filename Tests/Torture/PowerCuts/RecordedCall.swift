import Foundation

/// A change that a program has asked the system for, as the shim writes it down.
struct RecordedCall {
    enum Kind: UInt32 {
        case open = 1
        case write, sync, rename, makeFolder, remove, truncate
    }

    var kind: Kind
    var path: String
    /// Of a rename: where to.
    var other: String
    var data: [UInt8]
    /// Which opening of a file the call is on.
    var handle: Int64
    /// Where a write begins, the size of a truncation, the flags of an opening.
    var offset: Int64

    static func read(_ path: String) throws -> [RecordedCall] {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        var calls: [RecordedCall] = []
        var place = 0
        func integer<Value: FixedWidthInteger>(_ type: Value.Type) -> Value {
            defer { place += MemoryLayout<Value>.size }
            return (0..<MemoryLayout<Value>.size).reduce(0) {
                $0 | Value(truncatingIfNeeded: bytes[place + $1]) << (8 * $1)
            }
        }
        func text(_ count: UInt32) -> String {
            defer { place += Int(count) }
            return String(decoding: bytes[place..<place + Int(count)], as: UTF8.self)
        }
        while place < bytes.count {
            let number = integer(UInt32.self)
            let sizes = (integer(UInt32.self), integer(UInt32.self), integer(UInt32.self))
            let (handle, offset) = (integer(Int64.self), integer(Int64.self))
            guard let kind = Kind(rawValue: number) else { throw Finding("\(path) is not a record") }
            let (name, other) = (text(sizes.0), text(sizes.1))
            let data = Array(bytes[place..<place + Int(sizes.2)])
            place += data.count
            calls.append(
                RecordedCall(kind: kind, path: name, other: other, data: data, handle: handle, offset: offset))
        }
        return calls
    }
}
