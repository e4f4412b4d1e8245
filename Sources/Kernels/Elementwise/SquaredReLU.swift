extension Kernels {
    /// `u ← max(0, u + bias)²` (So et al. 2021, arXiv 2109.08668), and its derivative for `activationBackward`.
    ///
    /// - Parameters:
    ///   - u: `[n, width]`, the product of a matrix multiplication; overwritten with the activation.
    ///   - bias: `[width]`.
    ///   - derivative: `[n, width]`, overwritten with `2·max(0, u + bias)`; nil where no backward pass follows.
    public static func addBiasSquaredReLU(_ u: Matrix, bias: UnsafePointer<Float>, derivative: Matrix?) {
        Profile.enter(.activation)
        defer {
            Profile.leave(flops: 4 * u.rows * u.columns, floats: (derivative == nil ? 2 : 3) * u.rows * u.columns)
        }
        for row in 0..<u.rows {
            let values = u.row(row)
            let slopes = derivative?.row(row)
            for i in Swift.stride(from: 0, to: u.columns, by: vectorWidth) {
                let rectified = maximum(.zero, load(values, i) + load(bias, i))
                store(rectified * rectified, values, i)
                if let slopes { store(rectified + rectified, slopes, i) }
            }
        }
    }
}
