extension Array {
    /// Parts of it, one behind the other, with where each begins: what a command finds out about all texts at a time may be large.
    func parts(of size: Int = 8192) -> some Sequence<(start: Int, part: [Element])> {
        stride(from: 0, to: count, by: size).lazy.map { start in
            (start, Array(self[start..<Swift.min(start + size, self.count)]))
        }
    }
}
