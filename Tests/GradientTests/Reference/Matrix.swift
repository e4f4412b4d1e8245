extension Reference {
    /// A row-major `[rows, columns]` matrix of `Double`.
    struct Matrix: Equatable {
        let rows: Int
        let columns: Int
        var values: [Double]

        init(rows: Int, columns: Int, values: [Double]) {
            precondition(values.count == rows * columns, "\(values.count) values for [\(rows), \(columns)]")
            self.rows = rows
            self.columns = columns
            self.values = values
        }

        /// From the values of a faster type, such as a buffer of `Float`.
        init<Value: BinaryFloatingPoint>(rows: Int, columns: Int, values: some Sequence<Value>) {
            self.init(rows: rows, columns: columns, values: values.map { Double($0) })
        }

        init(zeros rows: Int, _ columns: Int) {
            self.init(rows: rows, columns: columns, values: [Double](repeating: 0, count: rows * columns))
        }

        init(like other: Matrix) {
            self.init(zeros: other.rows, other.columns)
        }

        subscript(row: Int, column: Int) -> Double {
            get { values[row * columns + column] }
            set { values[row * columns + column] = newValue }
        }

        func row(_ row: Int) -> [Double] {
            Array(values[row * columns..<(row + 1) * columns])
        }

        /// The sum of the elementwise products: the scalar whose gradient with respect to `self` is `other`.
        func dot(_ other: Matrix) -> Double {
            precondition(rows == other.rows && columns == other.columns)
            return zip(values, other.values).reduce(0) { $0 + $1.0 * $1.1 }
        }

        static func + (left: Matrix, right: Matrix) -> Matrix {
            precondition(left.rows == right.rows && left.columns == right.columns)
            return Matrix(
                rows: left.rows, columns: left.columns, values: zip(left.values, right.values).map { $0 + $1 })
        }

        static func * (scalar: Double, matrix: Matrix) -> Matrix {
            Matrix(rows: matrix.rows, columns: matrix.columns, values: matrix.values.map { scalar * $0 })
        }
    }
}
