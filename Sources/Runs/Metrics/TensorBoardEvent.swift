/// One record of a TensorBoard event file: the part of `tensorflow.Event` that scalars need, in protocol buffers' wire
/// format. Source: tensorboard/compat/proto/event.proto and summary.proto.
struct TensorBoardEvent {
    enum Content {
        /// The first record of a file.
        case fileVersion
        /// The run starts here (again): readers forget scalars of this step and later ones from earlier files.
        case sessionStart
        case scalars([(tag: String, value: Float)])
    }

    /// Seconds since 1970.
    var wallTime: Double
    var step: Int
    var content: Content

    /// The record as it stands in the file: u64 length, masked CRC of it, event, masked CRC of it.
    var record: [UInt8] {
        let event = encoded
        let length = littleEndian(UInt64(event.count))
        return length + littleEndian(CRC32C.masked(length)) + event + littleEndian(CRC32C.masked(event))
    }

    private var encoded: [UInt8] {
        var message = ProtocolBufferMessage()
        message.add(1, wallTime)
        if step != 0 { message.add(2, UInt64(bitPattern: Int64(step))) }
        switch content {
        case .fileVersion:
            message.add(3, Array("brain.Event:2".utf8))
        case .sessionStart:
            var session = ProtocolBufferMessage()
            session.add(1, 1 as UInt64)
            message.add(7, session.bytes)
        case .scalars(let scalars):
            var summary = ProtocolBufferMessage()
            for (tag, value) in scalars {
                var entry = ProtocolBufferMessage()
                entry.add(1, Array(tag.utf8))
                entry.add(2, value)
                summary.add(1, entry.bytes)
            }
            message.add(5, summary.bytes)
        }
        return message.bytes
    }
}

/// Appends fields in protocol buffers' wire format.
private struct ProtocolBufferMessage {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ field: UInt64, _ value: UInt64) {
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

    private mutating func addVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

private func littleEndian<Word: FixedWidthInteger>(_ word: Word) -> [UInt8] {
    withUnsafeBytes(of: word.littleEndian) { Array($0) }
}
