/// Gaussian error linear unit with the exact error function (Hendrycks & Gimpel 2016, arXiv 1606.08415; `gelu` in
/// Hugging Face), and its derivative, from one exponential.
///
/// With q = Φ(−|x|) = ½·erfc(|x|/√2), and erfc(z)·e^(z²) as t·P(t), t = 1/(1 + z/2): a minimax fit of relative error
/// 1.6e-7 for z ≤ 10, so that the far negative tail keeps its relative accuracy too.
@inline(__always)
func geluAndDerivative(_ x: Vector) -> (value: Vector, derivative: Vector) {
    let magnitude = x.replacing(with: -x, where: x .< 0)
    let t = Vector(repeating: 1) / Vector(repeating: 1).addingProduct(magnitude, Vector(repeating: 0.353_553_39))
    var p = Vector(repeating: -0.059_075_694)
    p = Vector(repeating: 0.284_606_79).addingProduct(p, t)
    p = Vector(repeating: -0.487_263_41).addingProduct(p, t)
    p = Vector(repeating: 0.278_136_76).addingProduct(p, t)
    p = Vector(repeating: -0.026_671_252).addingProduct(p, t)
    p = Vector(repeating: 0.202_705_05).addingProduct(p, t)
    p = Vector(repeating: 0.243_099_48).addingProduct(p, t)
    p = Vector(repeating: 0.282_375_85).addingProduct(p, t)
    p = Vector(repeating: 0.282_086_39).addingProduct(p, t)
    let density = exponential(x * x * -0.5)
    let tail = p * t * density * 0.5
    let below = x .< 0
    let cumulative = (1 - tail).replacing(with: tail, where: below)
    let derivative = cumulative.addingProduct(x, density * 0.398_942_28)
    return (x * cumulative, derivative)
}

extension Kernels {
    /// `u ← gelu(u + bias)` and its derivative for the backward pass.
    ///
    /// - Parameters:
    ///   - u: `[n, width]`, the product of a matrix multiplication; overwritten with the activation.
    ///   - bias: `[width]`.
    ///   - derivative: `[n, width]`, overwritten; nil where no backward pass follows.
    public static func addBiasGELU(_ u: Matrix, bias: UnsafePointer<Float>, derivative: Matrix?) {
        Profile.enter(.activation)
        defer {
            Profile.leave(flops: 57 * u.rows * u.columns, floats: (derivative == nil ? 2 : 3) * u.rows * u.columns)
        }
        for row in 0..<u.rows {
            let values = u.row(row)
            if let slopes = derivative?.row(row) {
                for i in Swift.stride(from: 0, to: u.columns, by: vectorWidth) {
                    let (value, slope) = geluAndDerivative(load(values, i) + load(bias, i))
                    store(value, values, i)
                    store(slope, slopes, i)
                }
            } else {
                for i in Swift.stride(from: 0, to: u.columns, by: vectorWidth) {
                    store(geluAndDerivative(load(values, i) + load(bias, i)).value, values, i)
                }
            }
        }
    }

    /// `upstream ← upstream ∘ derivative`, and its column sums added to the bias gradient.
    public static func activationBackward(
        upstream: Matrix, derivative: Matrix, biasGradient: UnsafeMutablePointer<Float>
    ) {
        Profile.enter(.activationBackward)
        defer {
            Profile.leave(flops: 2 * upstream.rows * upstream.columns, floats: 3 * upstream.rows * upstream.columns)
        }
        for row in 0..<upstream.rows {
            let gradient = upstream.row(row)
            let slopes = derivative.row(row)
            for i in Swift.stride(from: 0, to: upstream.columns, by: vectorWidth) {
                let product = load(gradient, i) * load(slopes, i)
                store(product, gradient, i)
                store(load(biasGradient, i) + product, biasGradient, i)
            }
        }
    }
}
