/// Appends fields in protocol buffers' wire format.
struct ProtocolBufferMessage {
    private(set) var bytes: [UInt8] = []

    init() {}

    /// - Parameter fill: adds the fields.
    init(_ fill: (inout ProtocolBufferMessage) -> Void) { fill(&self) }

    mutating func add(_ field: UInt64, varint value: UInt64) {
        addVarint(field << 3)
        addVarint(value)
    }

    mutating func add(_ field: UInt64, _ value: Double) {
        addVarint(field << 3 | 1)
        bytes += littleEndian(value.bitPattern)
    }

    mutating func add(_ field: UInt64, _ value: Float) {
        addVarint(field << 3 | 5)
        bytes += littleEndian(value.bitPattern)
    }

    mutating func add(_ field: UInt64, _ value: [UInt8]) {
        addVarint(field << 3 | 2)
        addVarint(UInt64(value.count))
        bytes += value
    }

    mutating func add(_ field: UInt64, _ text: String) { add(field, Array(text.utf8)) }

    mutating func add(_ field: UInt64, _ message: ProtocolBufferMessage) { add(field, message.bytes) }

    /// A repeated field, packed.
    mutating func add(_ field: UInt64, packed values: [Double]) {
        add(field, values.flatMap { littleEndian($0.bitPattern) })
    }

    private mutating func addVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

func littleEndian<Word: FixedWidthInteger>(_ word: Word) -> [UInt8] {
    withUnsafeBytes(of: word.littleEndian) { Array($0) }
}
