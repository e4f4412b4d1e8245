import Foundation

/// What the event files of a folder show, as far as a run that goes on has to know.
package struct TensorBoardHistory {
    static let prefix = "events.out.tfevents."

    /// Names of event files, in the order in which TensorBoard reads them.
    static func files(in directory: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).filter { $0.hasPrefix(prefix) }
            .sorted()
    }

    private let directory: String

    package init(directory: String) { self.directory = directory }

    /// Whether something of that name is shown at a step: it is in a file, and no later start has had it forgotten.
    package func shows(_ tag: String, step: Int) -> Bool {
        let name = Array(tag.utf8)
        return Self.files(in: directory).reduce(false) { isShown, file in
            let data = FileManager.default.contents(atPath: "\(directory)/\(file)") ?? Data()
            return Self.events([UInt8](data)).reduce(isShown) { isShown, event in
                let fields = Self.fields(event)
                let eventStep = Int(truncatingIfNeeded: fields.first { $0.number == 2 }?.integer ?? 0)
                if fields.contains(where: { $0.number == 7 }), eventStep <= step { return false }
                guard eventStep == step, let summary = fields.first(where: { $0.number == 5 }) else { return isShown }
                return isShown
                    || Self.fields(summary.bytes).contains { value in
                        Self.fields(value.bytes).contains { $0.number == 1 && $0.bytes.elementsEqual(name) }
                    }
            }
        }
    }

    /// Events of a file, up to a damaged one, at which readers stop.
    private static func events(_ file: [UInt8]) -> [ArraySlice<UInt8>] {
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

    private struct Field {
        var number: Int
        var integer: UInt64 = 0
        var bytes: ArraySlice<UInt8> = []
    }

    /// Fields of a message of protocol buffers.
    private static func fields(_ message: ArraySlice<UInt8>) -> [Field] {
        var rest = message
        var fields: [Field] = []
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
            var field = Field(number: Int(truncatingIfNeeded: key >> 3))
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
