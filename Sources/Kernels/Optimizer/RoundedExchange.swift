/// What machines exchange in half the bytes: numbers rounded to bfloat16, to nearest with ties to even.
extension Kernels {
    /// Rounds in place. NaN stays NaN, infinity infinity.
    public static func roundToBFloat16(_ values: UnsafeMutablePointer<Float>, count: Int) {
        let whole = count / vectorWidth * vectorWidth
        for i in Swift.stride(from: 0, to: whole, by: vectorWidth) { store(rounded(load(values, i)), values, i) }
        for i in whole..<count { values[i] = rounded(Vector(repeating: values[i]))[0] }
    }

    /// The upper halves of numbers that are rounded already, or of others rounded.
    public static func packBFloat16(
        _ source: UnsafePointer<Float>, into target: UnsafeMutablePointer<UInt16>, count: Int
    ) {
        let whole = count / vectorWidth * vectorWidth
        for i in Swift.stride(from: 0, to: whole, by: vectorWidth) {
            let bits = unsafeBitCast(rounded(load(source, i)), to: SIMD8<UInt32>.self)
            let halves = SIMD8<UInt16>(truncatingIfNeeded: bits &>> 16)
            UnsafeMutableRawPointer(target + i).storeBytes(of: halves, as: SIMD8<UInt16>.self)
        }
        for i in whole..<count {
            target[i] = UInt16(truncatingIfNeeded: rounded(Vector(repeating: source[i]))[0].bitPattern >> 16)
        }
    }

    /// The numbers of which there are the upper halves.
    public static func unpackBFloat16(
        _ source: UnsafePointer<UInt16>, into target: UnsafeMutablePointer<Float>, count: Int
    ) {
        for i in 0..<count { target[i] = Float(bitPattern: UInt32(source[i]) << 16) }
    }

    /// Rounds what weights have moved by: `weights ← before + round(weights − before)`.
    ///
    /// - Parameter packed: gets what is added; nil where nobody else wants it.
    public static func roundUpdate(
        _ weights: UnsafeMutablePointer<Float>, before: UnsafePointer<Float>, count: Int,
        packed: UnsafeMutablePointer<UInt16>? = nil
    ) {
        for i in 0..<count {
            let step = rounded(Vector(repeating: weights[i] - before[i]))[0]
            packed?[i] = UInt16(truncatingIfNeeded: step.bitPattern >> 16)
            weights[i] = before[i] + step
        }
    }

    /// Moves weights by what `roundUpdate` has packed.
    public static func applyUpdate(
        _ packed: UnsafePointer<UInt16>, to weights: UnsafeMutablePointer<Float>, count: Int
    ) {
        for i in 0..<count { weights[i] += Float(bitPattern: UInt32(packed[i]) << 16) }
    }

    @inline(__always)
    private static func rounded(_ values: Vector) -> Vector {
        let bits = unsafeBitCast(values, to: SIMD8<UInt32>.self)
        let nearest = (bits &+ 0x7fff &+ ((bits &>> 16) & 1)) & 0xffff_0000
        // Of a NaN the sum may be anything.
        let quiet = (bits & 0xffff_0000) | 0x0040_0000
        let isNaN = (bits & 0x7fff_ffff) .> 0x7f80_0000
        return unsafeBitCast(nearest.replacing(with: quiet, where: isNaN), to: Vector.self)
    }
}
