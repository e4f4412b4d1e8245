import Kernels

/// Vectors divided by their lengths, row by row.
package struct UnitVectors {
    package let count: Int
    private let width: Int
    private let buffer: FloatBuffer
    private let lengths: [Double]

    /// - Parameter vectors: of `width` numbers each. One that is nothing but zeros stays so.
    package init(_ vectors: [some Collection<Float>], width: Int) {
        count = vectors.count
        self.width = width
        buffer = FloatBuffer(count: vectors.count * width)
        var lengths: [Double] = []
        for (index, vector) in vectors.enumerated() {
            let length = max(1e-12, vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
            for (column, value) in vector.enumerated() {
                buffer.base[index * width + column] = Float(Double(value) / length)
            }
            lengths.append(length)
        }
        self.lengths = lengths
    }

    package var matrix: Matrix { Matrix(buffer.base, rows: count, columns: width) }

    package subscript(index: Int) -> [Float] { Array(UnsafeBufferPointer(start: matrix.row(index), count: width)) }

    /// `[count, other.count]`.
    package func cosines(to other: UnitVectors) -> FloatBuffer {
        let result = FloatBuffer(count: count * other.count)
        Kernels.multiply(
            matrix, transposed: other.matrix, into: Matrix(result.base, rows: count, columns: other.count))
        return result
    }

    /// The gradient by the vectors as they were.
    ///
    /// - Parameter fill: writes the gradient by the unit vectors, `[count, width]`.
    package func gradients(_ fill: (Matrix) -> Void) -> [[Float]] {
        let result = FloatBuffer(count: count * width)
        let gradient = Matrix(result.base, rows: count, columns: width)
        fill(gradient)
        return (0..<count).map { index in
            let (row, unit) = (gradient.row(index), matrix.row(index))
            // Only the part across the vector changes its direction.
            let along = (0..<width).reduce(0.0) { $0 + Double(row[$1]) * Double(unit[$1]) }
            return (0..<width).map { Float((Double(row[$0]) - along * Double(unit[$0])) / lengths[index]) }
        }
    }
}
