/// Eigenvalues of small symmetric matrices by Jacobi's rotations.
enum SymmetricEigen {
    /// - Returns: values, and the vector of each.
    static func decompose(_ matrix: [[Double]]) -> (values: [Double], vectors: [[Double]]) {
        var a = matrix
        let n = a.count
        var v = (0..<n).map { i in (0..<n).map { $0 == i ? 1.0 : 0 } }
        let scale = matrix.joined().reduce(0) { $0 + abs($1) }
        for _ in 0..<60 {
            var off = 0.0
            for p in 0..<n {
                for q in (p + 1)..<max(n, p + 1) {
                    off += abs(a[p][q])
                    guard a[p][q] != 0 else { continue }
                    let theta = (a[q][q] - a[p][p]) / (2 * a[p][q])
                    let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
                    let c = 1 / (t * t + 1).squareRoot()
                    let s = t * c
                    for k in 0..<n {
                        (a[k][p], a[k][q]) = (c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q])
                    }
                    for k in 0..<n {
                        (a[p][k], a[q][k]) = (c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k])
                        (v[p][k], v[q][k]) = (c * v[p][k] - s * v[q][k], s * v[p][k] + c * v[q][k])
                    }
                }
            }
            if off <= 1e-15 * scale { break }
        }
        return ((0..<n).map { a[$0][$0] }, v)
    }
}
