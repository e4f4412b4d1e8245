import Foundation
import Runs

/// What TensorBoard shows of a run: every file of its folder in the order of names, and later starts in place of what they
/// repeat.
struct EventFiles {
    /// `step tag value`, sorted, without what the clock decides.
    private(set) var entries: [String] = []

    private struct Entry: Hashable {
        var step: UInt64
        var tag: String
        var value: Data
    }

    /// Behind a damaged record nothing of a file is read, as by TensorBoard; what is then missing is found by comparing.
    ///
    /// - Throws: a `Finding` for what is shown twice.
    init(folder: String) throws {
        var shown: [Entry] = []
        for name in ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() {
            let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
            var place = 0
            while data.count - place >= 12 {
                let length = Int(Self.word(data, place, 8))
                guard Self.word(data, place + 8, 4) == UInt64(CRC32C.masked(data[place..<place + 8])),
                    data.count - place - 16 >= length
                else { break }
                let content = data[(place + 12)..<(place + 12 + length)]
                guard Self.word(data, place + 12 + length, 4) == UInt64(CRC32C.masked(content)) else { break }
                Self.read(Message(content), into: &shown)
                place += 16 + length
            }
        }
        var seen: Set<String> = []
        for entry in shown where !Self.isTimed(entry.tag) {
            let key = "\(entry.step) \(entry.tag)"
            guard seen.insert(key).inserted else { throw Finding("event files show step \(key) twice") }
            entries.append(key + " " + entry.value.map { String(format: "%02x", $0) }.joined())
        }
        entries.sort()
    }

    private static func isTimed(_ tag: String) -> Bool {
        tag.hasPrefix("_hparams_") || tag.hasPrefix("speed/") || tag.hasSuffix("_per_second")
    }

    private static func read(_ event: Message, into shown: inout [Entry]) {
        let step = event.fields.first { $0.number == 2 }?.integer ?? 0
        for field in event.fields {
            if field.number == 7, Message(field.bytes).fields.contains(where: { $0.number == 1 && $0.integer == 1 }) {
                shown.removeAll { $0.step >= step && !$0.tag.hasPrefix("_hparams_") }
            }
            guard field.number == 5 else { continue }
            for value in Message(field.bytes).fields where value.number == 1 {
                let parts = Message(value.bytes).fields
                let tag = parts.first { $0.number == 1 }.map { String(decoding: $0.bytes, as: UTF8.self) } ?? ""
                shown.append(Entry(step: step, tag: tag, value: Data(value.bytes)))
            }
        }
    }

    private static func word(_ bytes: [UInt8], _ place: Int, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | UInt64(bytes[place + $1]) << (8 * $1) }
    }

    /// A message of protocol buffers, as fields by number.
    private struct Message {
        struct Field {
            var number: Int
            var integer: UInt64 = 0
            var bytes: ArraySlice<UInt8> = []
        }

        private(set) var fields: [Field] = []

        init(_ bytes: ArraySlice<UInt8>) {
            var rest = bytes
            func varint() -> UInt64 {
                var value: UInt64 = 0
                var shift: UInt64 = 0
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
                var field = Field(number: Int(key >> 3))
                switch key & 7 {
                case 0: field.integer = varint()
                case 1: field.bytes = take(8)
                case 2: field.bytes = take(Int(varint()))
                default: field.bytes = take(4)
                }
                fields.append(field)
            }
        }
    }
}
