/// The nearest matrix with orthonormal rows or columns, roughly: Muon's Newton–Schulz iteration (Jordan et al. 2024, "Muon: an
/// optimizer for hidden layers in neural networks"; `zeropower_via_newtonschulz5` of KellerJordan/Muon).
///
/// With X = U·S·Vᵀ scaled to a norm of one, five steps of `X ← a·X + (b·XXᵀ + c·(XXᵀ)²)·X` bring all singular values but the smallest
/// to between about 0.7 and 1.2: the coefficients are made to rise fast, not to converge.
public struct Orthogonalization {
    private static let coefficients: (a: Float, b: Float, c: Float) = (3.4445, -4.7750, 2.0315)
    /// Against a division by zero, as in the release.
    private static let epsilon: Float = 1e-7

    private let rows: Int
    private let columns: Int
    /// The smaller dimension, of which products are as many rows and columns.
    private let small: Int
    private let large: Int
    private let memory: FloatBuffer

    /// For matrices of one shape, and one thread at a time.
    ///
    /// - Parameter memory: of `floatCount` at least; nil: its own.
    public init(rows: Int, columns: Int, memory: FloatBuffer? = nil) {
        self.rows = rows
        self.columns = columns
        (small, large) = (min(rows, columns), max(rows, columns))
        let count = Self.floatCount(rows: rows, columns: columns)
        precondition(memory.map { $0.count >= count } ?? true)
        self.memory = memory ?? FloatBuffer(count: count)
    }

    /// Floats of memory that a shape takes.
    public static func floatCount(rows: Int, columns: Int) -> Int {
        let (small, large) = (min(rows, columns), max(rows, columns))
        return 2 * small * large + 2 * small * small
    }

    /// - Parameters:
    ///   - matrix: `[rows, columns]`; replaced.
    ///   - iterations: five in all releases.
    public func callAsFunction(_ matrix: Matrix, iterations: Int = 5) {
        precondition(matrix.rows == rows && matrix.columns == columns)
        Profile.enter(.update)
        defer {
            Profile.leave(
                flops: Int(Self.flops(rows: rows, columns: columns, iterations: iterations)),
                floats: iterations * (4 * small * large + 4 * small * small))
        }
        var x = Matrix(memory.base, rows: small, columns: large)
        var next = Matrix(memory.base + small * large, rows: small, columns: large)
        let gram = Matrix(memory.base + 2 * small * large, rows: small, columns: small)
        let square = Matrix(memory.base + 2 * small * large + small * small, rows: small, columns: small)
        let norm = Kernels.norm(matrix)
        copy(matrix, into: x, scale: 1 / (Float(norm) + Self.epsilon))
        let (a, b, c) = Self.coefficients
        let library = ProductLibrary.current
        for _ in 0..<iterations {
            // Both are symmetric: half of their operations.
            library.multiplyByOwnTransposed(x, into: gram)
            library.multiplyByOwnTransposed(gram, into: square)
            for row in 0..<small {
                let (values, squares) = (gram.row(row), square.row(row))
                for column in 0..<small { values[column] = b * values[column] + c * squares[column] }
            }
            for row in 0..<small {
                let (target, source) = (next.row(row), x.row(row))
                for column in 0..<large { target[column] = a * source[column] }
            }
            library.multiply(
                gram, transposed: false, x, transposed: false, into: next, depth: small, accumulate: true, scale: 1)
            swap(&x, &next)
        }
        if rows <= columns {
            for row in 0..<rows { matrix.row(row).update(from: x.row(row), count: columns) }
        } else {
            for row in 0..<rows {
                let target = matrix.row(row)
                for column in 0..<columns { target[column] = x.row(column)[row] }
            }
        }
    }

    /// Copies, transposing what has more rows than columns.
    private func copy(_ matrix: Matrix, into x: Matrix, scale: Float) {
        for row in 0..<rows {
            let source = matrix.row(row)
            if rows <= columns {
                let target = x.row(row)
                for column in 0..<columns { target[column] = scale * source[column] }
            } else {
                for column in 0..<columns { x.row(column)[row] = scale * source[column] }
            }
        }
    }

    /// Operations of one call.
    public static func flops(rows: Int, columns: Int, iterations: Int = 5) -> Double {
        let (m, n) = (Double(min(rows, columns)), Double(max(rows, columns)))
        return Double(iterations) * (m * m * n + m * m * m + 2 * m * m * n)
    }
}

extension Kernels {
    /// √Σ x², summed in double precision.
    static func norm(_ x: Matrix) -> Double {
        (0..<x.rows).reduce(0.0) { sum, row in
            let values = x.row(row)
            var sums = SIMD8<Double>.zero
            var index = 0
            while index + 8 <= x.columns {
                let part = SIMD8<Double>(load(values, index))
                sums += part * part
                index += 8
            }
            return sum
                + (index..<x.columns).reduce(sums.sum()) { $0 + Double(values[$1]) * Double(values[$1]) }
        }.squareRoot()
    }
}
