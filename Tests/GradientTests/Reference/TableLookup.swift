extension Reference {
    /// Rows of a table, `y[t] = table[indices[t]]`.
    struct TableLookup {
        let table: Parameter
        private var indices: [Int] = []

        init(_ name: String, rows: Int, width: Int, _ parameters: Parameters) throws {
            table = try parameters.require(name, [rows, width])
        }

        mutating func forward(_ indices: [Int]) -> Matrix {
            self.indices = indices
            let width = table.shape[1]
            var output = Matrix(zeros: indices.count, width)
            for (token, index) in indices.enumerated() {
                for c in 0..<width { output[token, c] = table.values[index * width + c] }
            }
            return output
        }

        func backward(upstream: Matrix) {
            let width = table.shape[1]
            for (token, index) in indices.enumerated() {
                for c in 0..<width { table.gradient[index * width + c] += upstream[token, c] }
            }
        }
    }
}
