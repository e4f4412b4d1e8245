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
    private let precision: ProductPrecision
    private let memory: FloatBuffer

    /// For matrices of one shape, and one thread at a time.
    ///
    /// - Parameters:
    ///   - precision: of the products; the release's are of bfloat16.
    ///   - memory: of `floatCount` at least; nil: its own.
    public init(rows: Int, columns: Int, precision: ProductPrecision = .float32, memory: FloatBuffer? = nil) {
        self.rows = rows
        self.columns = columns
        self.precision = precision
        let count = Self.floatCount(rows: rows, columns: columns)
        precondition(memory.map { $0.count >= count } ?? true)
        self.memory = memory ?? FloatBuffer(count: count)
    }

    /// Floats of memory that a shape takes.
    public static func floatCount(rows: Int, columns: Int) -> Int {
        let small = min(rows, columns)
        return 2 * rows * columns + 2 * small * small
    }

    /// - Parameters:
    ///   - matrix: `[rows, columns]`; replaced.
    ///   - iterations: five in all releases.
    public func callAsFunction(_ matrix: Matrix, iterations: Int = 5) {
        precondition(matrix.rows == rows && matrix.columns == columns)
        let (count, small) = (rows * columns, min(rows, columns))
        Profile.enter(.update)
        defer {
            Profile.leave(
                flops: Int(Self.flops(rows: rows, columns: columns, precision: precision, iterations: iterations)),
                floats: iterations * (4 * count + 4 * small * small))
        }
        var x = Matrix(memory.base, rows: rows, columns: columns)
        var next = Matrix(memory.base + count, rows: rows, columns: columns)
        let gram = Matrix(memory.base + 2 * count, rows: small, columns: small)
        let square = Matrix(memory.base + 2 * count + small * small, rows: small, columns: small)
        let scale = 1 / (Float(Kernels.norm(matrix)) + Self.epsilon)
        for row in 0..<rows {
            let (source, target) = (matrix.row(row), x.row(row))
            for column in 0..<columns { target[column] = scale * source[column] }
        }
        let (a, b, c) = Self.coefficients
        let isTall = rows > columns
        for _ in 0..<iterations {
            precision.multiplyByItself(x, transposesFirst: isTall, into: gram)
            precision.multiplyByItself(gram, transposesFirst: false, into: square)
            let (values, squares) = (gram.base, square.base)
            for index in 0..<small * small { values[index] = b * values[index] + c * squares[index] }
            let (source, target) = (x.base, next.base)
            for index in 0..<count { target[index] = a * source[index] }
            // Tall matrices from the right: XᵀX is the smaller product.
            precision.multiplySquare(gram, isTall ? .right : .left, of: x, addingTo: next)
            swap(&x, &next)
        }
        for row in 0..<rows { matrix.row(row).update(from: x.row(row), count: columns) }
    }

    /// Operations of one call: in single precision, half of those of the symmetric products.
    public static func flops(
        rows: Int, columns: Int, precision: ProductPrecision = .float32, iterations: Int = 5
    ) -> Double {
        let (m, n) = (Double(min(rows, columns)), Double(max(rows, columns)))
        let symmetric = m * m * n + m * m * m
        return Double(iterations) * ((precision == .float32 ? 1 : 2) * symmetric + 2 * m * m * n)
    }
}

extension ProductPrecision {
    fileprivate enum Side { case left, right }

    /// `result ← x · xᵀ`, or `xᵀ · x`: symmetric, in single precision for half of the operations.
    fileprivate func multiplyByItself(_ x: Matrix, transposesFirst: Bool, into result: Matrix) {
        switch self {
        case .float32:
            ProductLibrary.current.multiplyByItself(x, transposesFirst: transposesFirst, into: result)
        case .bfloat16:
            BFloat16Backend.current.multiply(
                x, transposed: transposesFirst, x, transposed: !transposesFirst, known: nil, into: result,
                depth: transposesFirst ? x.rows : x.columns, accumulate: false, scale: 1)
        }
    }

    /// `result ← result + square · x`, or `x · square`.
    fileprivate func multiplySquare(_ square: Matrix, _ side: Side, of x: Matrix, addingTo result: Matrix) {
        let (first, second) = side == .left ? (square, x) : (x, square)
        switch self {
        case .float32:
            ProductLibrary.current.multiply(
                first, transposed: false, second, transposed: false, into: result, depth: square.rows,
                accumulate: true, scale: 1)
        case .bfloat16:
            BFloat16Backend.current.multiply(
                first, transposed: false, second, transposed: false, known: nil, into: result, depth: square.rows,
                accumulate: true, scale: 1)
        }
    }
}

extension Kernels {
    /// √Σ x², summed in double precision.
    public static func norm(_ x: UnsafePointer<Float>, count: Int) -> Double {
        norm(Matrix(UnsafeMutablePointer(mutating: x), rows: 1, columns: count))
    }

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
