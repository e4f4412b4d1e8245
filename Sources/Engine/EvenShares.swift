extension Range where Bound == Int {
    /// One of several parts of 0..<count that are as even as can be, in their order.
    static func share(_ index: Int, of parts: Int, count: Int) -> Range<Int> {
        index * count / parts..<(index + 1) * count / parts
    }
}
