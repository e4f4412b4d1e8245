/// e^x for eight floats, about 1 unit in the last place; 0 below −87.3 and the largest finite power above 88.
///
/// Cephes' scheme: x = n·ln 2 + r, a polynomial for e^r, times 2ⁿ. What is not a number stays so.
@inline(__always)
func exponential(_ input: Vector) -> Vector {
    let lowest = Vector(repeating: -87.33654)
    let highest = Vector(repeating: 88.02969)
    let x = input.replacing(with: highest, where: input .> highest).replacing(with: lowest, where: input .< lowest)
    // Adding 1.5·2²³ rounds to an integer that stands in the low mantissa bits: a conversion without its cost. With 127
    // more they are the exponent of 2ⁿ, once shifted into place.
    let magic = Vector(repeating: 12_582_912 + 127)
    let shifted = magic.addingProduct(x, Vector(repeating: 1.442_695_04))
    let n = shifted - magic
    let r = x.addingProduct(n, Vector(repeating: -0.693_359_375)).addingProduct(n, Vector(repeating: 2.121_944_4e-4))
    var p = Vector(repeating: 1.987_569_15e-4)
    p = Vector(repeating: 1.398_199_95e-3).addingProduct(p, r)
    p = Vector(repeating: 8.333_451_9e-3).addingProduct(p, r)
    p = Vector(repeating: 4.166_579_6e-2).addingProduct(p, r)
    p = Vector(repeating: 1.666_666_55e-1).addingProduct(p, r)
    p = Vector(repeating: 5.000_000_1e-1).addingProduct(p, r)
    p = (r + 1).addingProduct(p, r * r)
    let power = unsafeBitCast(unsafeBitCast(shifted, to: SIMD8<Int32>.self) &<< 23, to: Vector.self)
    return (p * power).replacing(with: 0, where: input .< lowest)
}

extension Kernels {
    /// `x ← e^x` for every element; `count` is a multiple of 8.
    package static func exponentials(_ x: UnsafeMutablePointer<Float>, count: Int) {
        for i in Swift.stride(from: 0, to: count, by: vectorWidth) { store(exponential(load(x, i)), x, i) }
    }
}
