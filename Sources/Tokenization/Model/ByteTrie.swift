/// Trie over the bytes of tokens, for the longest or all tokens that begin at a place of a text.
///
/// Immutable once the model is built, and read from many threads. Edges stand in one hash table from node and byte to node:
/// 8 bytes an edge at half load.
struct ByteTrie: Sendable {
    /// What a lookup starts from.
    static let root = 0
    /// Nodes have 24 bits in the table.
    private static let mostNodes = (1 << 24) - 1
    private static let empty = UInt64.max

    /// Edges: node and byte in the upper 40 bits, the node that they lead to in the lower 24.
    private var slots = [UInt64](repeating: empty, count: 64)
    private var mask = 63
    /// The node that each byte leads to from the root; -1 for none. It is asked for at every place of a text.
    private var firstNodes = [Int32](repeating: -1, count: 256)
    /// The token that ends at each node; -1 for none.
    private(set) var tokens: [Int32] = [-1]

    /// - Parameter ids: of each token; an empty one is nowhere found.
    /// - Throws: `TokenizerError.invalid` if the tokens have more text than a table can hold.
    init(_ ids: [[UInt8]: Int32]) throws(TokenizerError) {
        for (token, id) in ids where !token.isEmpty {
            var node = Self.root
            for byte in token {
                if let next = child(of: node, byte) {
                    node = next
                } else {
                    guard tokens.count < Self.mostNodes else {
                        throw .invalid(
                            component: "model.vocab", problem: "the tokens have more than 16 million letters")
                    }
                    insert(node, byte, tokens.count)
                    node = tokens.count
                    tokens.append(-1)
                }
            }
            tokens[node] = id
        }
        for byte in UInt8.min...UInt8.max { firstNodes[Int(byte)] = child(of: Self.root, byte).map { Int32($0) } ?? -1 }
    }

    /// The node that a byte leads to from the root.
    @inline(__always)
    func first(_ byte: UInt8) -> Int? {
        let node = firstNodes[Int(byte)]
        return node < 0 ? nil : Int(node)
    }

    private mutating func insert(_ node: Int, _ byte: UInt8, _ child: Int) {
        if tokens.count * 2 > slots.count { grow() }
        place(UInt64(node) << 8 | UInt64(byte), UInt64(child))
    }

    private mutating func place(_ key: UInt64, _ child: UInt64) {
        var index = Self.hash(key) & mask
        while slots[index] != Self.empty { index = (index + 1) & mask }
        slots[index] = key << 24 | child
    }

    private mutating func grow() {
        let old = slots
        slots = [UInt64](repeating: Self.empty, count: old.count * 2)
        mask = slots.count - 1
        for slot in old where slot != Self.empty { place(slot >> 24, slot & 0xFF_FFFF) }
    }

    @inline(__always)
    private static func hash(_ key: UInt64) -> Int { Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 32) }

    /// The node that a byte leads to.
    @inline(__always)
    func child(of node: Int, _ byte: UInt8) -> Int? {
        let key = UInt64(truncatingIfNeeded: node) &<< 8 | UInt64(byte)
        var index = Self.hash(key) & mask
        while true {
            let slot = slots[index]
            if slot == Self.empty { return nil }
            if slot &>> 24 == key { return Int(truncatingIfNeeded: slot & 0xFF_FFFF) }
            index = (index &+ 1) & mask
        }
    }

    /// The node that some bytes lead to from the root.
    func node(of bytes: [UInt8]) -> Int? {
        var node = Self.root
        for byte in bytes {
            guard let next = child(of: node, byte) else { return nil }
            node = next
        }
        return node
    }
}
