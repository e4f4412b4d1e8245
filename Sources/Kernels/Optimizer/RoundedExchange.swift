/// What machines exchange in half the bytes: numbers rounded to bfloat16, to nearest with ties to even.
extension Kernels {
    /// Rounds in place. NaN stays NaN, infinity infinity.
    public static func roundToBFloat16(_ values: UnsafeMutablePointer<Float>, count: Int) {
        let whole = count / vectorWidth * vectorWidth
        for i in Swift.stride(from: 0, to: whole, by: vectorWidth) { store(bfloat16(load(values, i)), values, i) }
        for i in whole..<count { values[i] = bfloat16(values[i]) }
    }

    /// The upper halves of numbers that are rounded already, or of others rounded.
    public static func packBFloat16(
        _ source: UnsafePointer<Float>, into target: UnsafeMutablePointer<UInt16>, count: Int
    ) {
        let whole = count / vectorWidth * vectorWidth
        for i in Swift.stride(from: 0, to: whole, by: vectorWidth) {
            storeHalves(bfloat16(load(source, i)), target, i)
        }
        for i in whole..<count {
            target[i] = UInt16(truncatingIfNeeded: bfloat16(source[i]).bitPattern >> 16)
        }
    }

    /// The numbers of which there are the upper halves.
    public static func unpackBFloat16(
        _ source: UnsafePointer<UInt16>, into target: UnsafeMutablePointer<Float>, count: Int
    ) {
        let whole = count / vectorWidth * vectorWidth
        for i in Swift.stride(from: 0, to: whole, by: vectorWidth) { store(widened(source, i), target, i) }
        for i in whole..<count { target[i] = Float(bitPattern: UInt32(source[i]) << 16) }
    }

    /// Rounds what weights have moved by: `weights ← before + round(weights − before)`.
    ///
    /// - Parameter packed: gets what is added; nil where nobody else wants it.
    public static func roundUpdate(
        _ weights: UnsafeMutablePointer<Float>, before: UnsafePointer<Float>, count: Int,
        packed: UnsafeMutablePointer<UInt16>? = nil
    ) {
        let whole = count / vectorWidth * vectorWidth
        for i in Swift.stride(from: 0, to: whole, by: vectorWidth) {
            let start = load(before, i)
            let step = bfloat16(load(weights, i) - start)
            if let packed { storeHalves(step, packed, i) }
            store(start + step, weights, i)
        }
        for i in whole..<count {
            let step = bfloat16(weights[i] - before[i])
            packed?[i] = UInt16(truncatingIfNeeded: step.bitPattern >> 16)
            weights[i] = before[i] + step
        }
    }

    /// Moves weights by what `roundUpdate` has packed.
    public static func applyUpdate(
        _ packed: UnsafePointer<UInt16>, to weights: UnsafeMutablePointer<Float>, count: Int
    ) {
        let whole = count / vectorWidth * vectorWidth
        for i in Swift.stride(from: 0, to: whole, by: vectorWidth) {
            store(load(weights, i) + widened(packed, i), weights, i)
        }
        for i in whole..<count { weights[i] += Float(bitPattern: UInt32(packed[i]) << 16) }
    }

    @inline(__always)
    private static func widened(_ source: UnsafePointer<UInt16>, _ i: Int) -> Vector {
        let halves = UnsafeRawPointer(source + i).loadUnaligned(as: SIMD8<UInt16>.self)
        return unsafeBitCast(SIMD8<UInt32>(truncatingIfNeeded: halves) &<< 16, to: Vector.self)
    }

    @inline(__always)
    private static func storeHalves(_ values: Vector, _ target: UnsafeMutablePointer<UInt16>, _ i: Int) {
        let halves = SIMD8<UInt16>(truncatingIfNeeded: unsafeBitCast(values, to: SIMD8<UInt32>.self) &>> 16)
        UnsafeMutableRawPointer(target + i).storeBytes(of: halves, as: SIMD8<UInt16>.self)
    }

    @inline(__always)
    static func bfloat16(_ value: Float) -> Float { bfloat16(Vector(repeating: value))[0] }

    /// Rounded to nearest, ties to even.
    @inline(__always)
    static func bfloat16(_ values: Vector) -> Vector {
        let bits = unsafeBitCast(values, to: SIMD8<UInt32>.self)
        let nearest = (bits &+ 0x7fff &+ ((bits &>> 16) & 1)) & 0xffff_0000
        // Of a NaN the sum may be anything.
        let quiet = (bits & 0xffff_0000) | 0x0040_0000
        let isNaN = (bits & 0x7fff_ffff) .> 0x7f80_0000
        return unsafeBitCast(nearest.replacing(with: quiet, where: isNaN), to: Vector.self)
    }
}
