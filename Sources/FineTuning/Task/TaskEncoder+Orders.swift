extension TaskEncoder {
    /// A text as `examples` has it, or a symmetric pair in both orders, the file's first, each with as many examples. Cut
    /// pairs count once.
    ///
    /// - Throws: `TaskError` for a single text where pairs are symmetric.
    package mutating func orders(
        of row: TaskRow, target: TaskTarget?, isSymmetric: Bool, _ settings: FineTuningSettings, path: String
    ) throws -> (examples: [TaskExample], orders: Int) {
        let examples = examples(row, target: target, settings)
        guard isSymmetric else { return (examples, 1) }
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
        return (examples + self.examples(swapped, target: target, settings), 2)
    }
}
