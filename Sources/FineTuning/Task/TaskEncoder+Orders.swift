extension TaskEncoder {
    /// A text as `encode` has it, or a symmetric pair in both orders, the file's first. Cut pairs count once.
    ///
    /// - Returns: as many examples for every row, `TaskConfiguration.orders`.
    /// - Throws: `TaskError` for a single text where pairs are symmetric.
    package mutating func orders(
        of row: TaskRow, target: TaskTarget?, isSymmetric: Bool, path: String
    ) throws -> [TaskExample] {
        let example = encode(row, target: target)
        guard isSymmetric else { return [example] }
        guard let pair = row.pair else {
            throw TaskError.row(
                path: path, line: row.line,
                "has no second text, and symmetric is for pairs (name its field with pair_field, or set symmetric: false)"
            )
        }
        var swapped = row
        (swapped.text, swapped.pair) = (pair, row.text)
        let cut = truncated
        defer { truncated = cut }
        return [example, encode(swapped, target: target)]
    }
}

extension TaskConfiguration {
    /// In how many orders a text is read.
    var orders: Int { symmetric ? 2 : 1 }
}
