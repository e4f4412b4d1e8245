/// Reads numbers one after another, little-endian, and never beyond the end.
struct LittleEndianReader {
    private let content: [UInt8]
    private(set) var position = 0

    init(_ content: [UInt8]) { self.content = content }

    var isAtEnd: Bool { position == content.count }

    /// A number without sign of `size` bytes, at most 8; nil at the end, or where it does not fit into `Int`.
    mutating func number(_ size: Int) -> Int? {
        guard content.count - position >= size else { return nil }
        var value: UInt64 = 0
        for index in (0..<size).reversed() { value = value << 8 | UInt64(content[position + index]) }
        position += size
        return Int(exactly: value)
    }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard content.count - position >= count else { return nil }
        defer { position += count }
        return Array(content[position..<position + count])
    }

    /// - Returns: false at the end.
    @discardableResult
    mutating func skip(_ count: Int) -> Bool {
        guard content.count - position >= count else { return false }
        position += count
        return true
    }
}
