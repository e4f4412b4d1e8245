extension Kernels {
    /// `result[i] ← words[tokens[i]] + positionTable[positions[i]] + offsets[types[i]]`.
    ///
    /// - Parameters:
    ///   - words: `[vocabulary, width]`.
    ///   - positionTable: `[positions, width]`, or nil.
    ///   - offsets: `[types, width]`: the embeddings of token types.
    ///   - types: of every token; empty where all are 0.
    public static func embed(
        _ tokens: UnsafeBufferPointer<Int32>, words: Matrix, positions: UnsafeBufferPointer<Int32>,
        positionTable: Matrix?, offsets: Matrix, types: UnsafeBufferPointer<Int32>, into result: Matrix
    ) {
        Profile.enter(.embed)
        defer {
            Profile.leave(
                flops: 2 * result.rows * result.columns,
                floats: (positionTable == nil ? 2 : 3) * result.rows * result.columns)
        }
        for index in 0..<tokens.count {
            let word = words.row(Int(tokens[index]))
            let output = result.row(index)
            let offset = offsets.row(types.isEmpty ? 0 : Int(types[index]))
            if let position = positionTable?.row(Int(positions[index])) {
                for i in Swift.stride(from: 0, to: result.columns, by: vectorWidth) {
                    store(load(word, i) + load(position, i) + load(offset, i), output, i)
                }
            } else {
                for i in Swift.stride(from: 0, to: result.columns, by: vectorWidth) {
                    store(load(word, i) + load(offset, i), output, i)
                }
            }
        }
    }
}
