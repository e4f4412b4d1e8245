/// One record of a TensorBoard event file: the part of `tensorflow.Event` that summaries need, in protocol buffers' wire
/// format. Source: tensorboard/compat/proto/event.proto and summary.proto.
package struct TensorBoardEvent {
    enum Content {
        /// The first record of a file.
        case fileVersion
        /// The run starts here (again): readers forget scalars of this step and later ones from earlier files.
        case sessionStart
        case values([(tag: String, value: TensorBoardValue)])
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
        if step != 0 { message.add(2, varint: UInt64(bitPattern: Int64(step))) }
        switch content {
        case .fileVersion:
            message.add(3, Array("brain.Event:2".utf8))
        case .sessionStart:
            var session = ProtocolBufferMessage()
            session.add(1, varint: 1)
            message.add(7, session.bytes)
        case .values(let values):
            message.add(5, ProtocolBufferMessage { for (tag, value) in values { $0.add(1, value.message(tag: tag)) } })
        }
        return message.bytes
    }
}

extension TensorBoardEvent {
    /// Events of a file, up to a damaged one, at which readers stop.
    package static func events(of file: [UInt8]) -> [ArraySlice<UInt8>] {
        var events: [ArraySlice<UInt8>] = []
        var place = 0
        func word(_ place: Int, _ count: Int) -> UInt64 {
            (0..<count).reduce(0) { $0 | UInt64(file[place + $1]) << (8 * $1) }
        }
        while file.count - place >= 16 {
            let length = word(place, 8)
            guard word(place + 8, 4) == UInt64(CRC32C.masked(file[place..<place + 8])),
                length <= UInt64(file.count - place - 16)
            else { break }
            let content = file[(place + 12)..<(place + 12 + Int(length))]
            guard word(content.endIndex, 4) == UInt64(CRC32C.masked(content)) else { break }
            events.append(content)
            place = content.endIndex + 4
        }
        return events
    }
}
