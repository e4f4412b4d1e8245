/// Memory in pieces that counts as one long row of bytes: the tensors of a group.
struct ByteSegments: @unchecked Sendable {
    /// Piece `i` covers the bytes `starts[i]..<starts[i + 1]`.
    private var bases: [UnsafeMutableRawPointer?] = []
    private var starts: [Int] = [0]

    var byteCount: Int { starts[starts.count - 1] }

    mutating func append(_ base: UnsafeMutableRawPointer?, byteCount: Int) {
        guard byteCount > 0 else { return }
        bases.append(base)
        starts.append(self.byteCount + byteCount)
    }

    /// The bytes of a range where they are, if they lie in one piece.
    func contiguous(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer? {
        guard !range.isEmpty else { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
        let piece = piece(at: range.lowerBound)
        guard range.upperBound <= starts[piece + 1], let base = bases[piece] else { return nil }
        return UnsafeMutableRawBufferPointer(start: base + (range.lowerBound - starts[piece]), count: range.count)
    }

    /// Copies a range out into `destination`.
    func gather(_ range: Range<Int>, into destination: UnsafeMutableRawPointer) {
        forEachPiece(range) { piece, offset, count in (destination + offset).copyMemory(from: piece, byteCount: count) }
    }

    /// Copies `source` into a range.
    func scatter(_ source: UnsafeRawPointer, to range: Range<Int>) {
        forEachPiece(range) { piece, offset, count in piece.copyMemory(from: source + offset, byteCount: count) }
    }

    private func forEachPiece(_ range: Range<Int>, _ body: (UnsafeMutableRawPointer, Int, Int) -> Void) {
        var position = range.lowerBound
        while position < range.upperBound {
            let piece = piece(at: position)
            let end = min(range.upperBound, starts[piece + 1])
            if let base = bases[piece] {
                body(base + (position - starts[piece]), position - range.lowerBound, end - position)
            }
            position = end
        }
    }

    /// Index of the piece that holds a byte, by binary search.
    private func piece(at position: Int) -> Int {
        var low = 0
        var high = bases.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= position { low = middle } else { high = middle }
        }
        return low
    }
}
