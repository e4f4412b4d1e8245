import Foundation

/// Puts pickles together, instruction by instruction, for files that no honest program writes.
struct PickleBytes {
    var bytes: [UInt8] = [0x80, 2]

    static func + (pickle: PickleBytes, more: [UInt8]) -> PickleBytes { PickleBytes(bytes: pickle.bytes + more) }

    static func text(_ text: String) -> [UInt8] {
        [UInt8(ascii: "X")] + withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { Array($0) } + Array(text.utf8)
    }

    static func integer(_ value: Int) -> [UInt8] {
        guard let short = Int32(exactly: value) else {
            return [0x8A, 8] + withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }
        return [UInt8(ascii: "J")] + withUnsafeBytes(of: short.littleEndian) { Array($0) }
    }

    static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

    static let mark: [UInt8] = [UInt8(ascii: "(")]
    static let tuple: [UInt8] = [UInt8(ascii: "t")]
    static let reduce: [UInt8] = [UInt8(ascii: "R")]
    static let emptyTuple: [UInt8] = [UInt8(ascii: ")")]
    static let dictionary: [UInt8] = [UInt8(ascii: "}")]
    static let setItem: [UInt8] = [UInt8(ascii: "s")]
    static let stop: [UInt8] = [UInt8(ascii: ".")]

    static func storage(_ key: String, count: Int, type: String = "FloatStorage") -> [UInt8] {
        mark + text("storage") + global("torch", type) + text(key) + text("cpu") + integer(count) + tuple
            + [UInt8(ascii: "Q")]
    }

    static func tensor(_ storage: [UInt8], offset: Int = 0, shape: [Int], strides: [Int]) -> [UInt8] {
        func numbers(_ values: [Int]) -> [UInt8] { mark + values.flatMap(integer) + tuple }
        return global("torch._utils", "_rebuild_tensor_v2") + mark + storage + integer(offset) + numbers(shape)
            + numbers(strides) + [0x89] + global("collections", "OrderedDict") + emptyTuple + reduce + tuple + reduce
    }

    /// A dictionary of one tensor, "weight".
    static func weights(_ tensor: [UInt8]) -> [UInt8] {
        [0x80, 2] + dictionary + text("weight") + tensor + setItem + stop
    }
}

/// A zip archive of entries without compression.
struct ArchiveBytes {
    struct Entry {
        var name: String
        var bytes: [UInt8]
        var method: UInt16 = 0
        var checksum: UInt32?
        /// In place of the true one, in the directory.
        var size: UInt32?
        var offset: UInt32?
    }

    var entries: [Entry]

    init(_ entries: [Entry]) { self.entries = entries }

    /// What torch.save writes of a pickle and its storages.
    init(pickle: [UInt8], storages: [String: [UInt8]] = [:]) {
        entries = [Entry(name: "archive/data.pkl", bytes: pickle)]
        entries += storages.sorted { $0.key < $1.key }.map { Entry(name: "archive/data/\($0)", bytes: $1) }
    }

    var bytes: [UInt8] {
        func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }
        var result: [UInt8] = []
        var directory: [UInt8] = []
        for entry in entries {
            let start = UInt32(result.count)
            let size = UInt32(entry.bytes.count)
            let sum = entry.checksum ?? Self.checksum(entry.bytes)
            let name = Array(entry.name.utf8)
            let fields = little(UInt16(0)) + little(entry.method) + little(UInt32(0)) + little(sum)
            result += little(0x0403_4B50 as UInt32) + little(UInt16(20)) + fields + little(size) + little(size)
            result += little(UInt16(name.count)) + little(UInt16(0)) + name + entry.bytes
            directory += little(0x0201_4B50 as UInt32) + little(UInt16(0)) + little(UInt16(20)) + fields
            directory += little(entry.size ?? size) + little(entry.size ?? size) + little(UInt16(name.count))
            directory += [UInt8](repeating: 0, count: 12) + little(entry.offset ?? start) + name
        }
        let count = little(UInt16(entries.count))
        let end =
            little(0x0605_4B50 as UInt32) + little(UInt32(0)) + count + count + little(UInt32(directory.count))
            + little(UInt32(result.count)) + little(UInt16(0))
        return result + directory + end
    }

    /// CRC-32, bit by bit.
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
    }
}
