extension Float {
    /// To the nearest bfloat16, ties to even; denormals to zero, as AVX512_BF16 does; NaN stays NaN.
    @inlinable
    public var roundedToBFloat16: Float {
        let bits = bitPattern
        let exponent = bits & 0x7f80_0000
        if exponent == 0 { return Float(bitPattern: bits & 0x8000_0000) }
        if exponent == 0x7f80_0000 {
            let isNaN = bits & 0x007f_ffff != 0
            return Float(bitPattern: (bits & 0xffff_0000) | (isNaN ? 0x0040_0000 : 0))
        }
        return Float(bitPattern: (bits &+ 0x7fff &+ (bits >> 16 & 1)) & 0xffff_0000)
    }
}

extension Matrix {
    /// The elements rounded to bfloat16, in `memory`, without gaps between rows.
    func roundedToBFloat16(in memory: UnsafeMutableRawPointer) -> Matrix {
        let base = memory.assumingMemoryBound(to: Float.self)
        for row in 0..<rows {
            let source = self.row(row)
            let target = base + row * columns
            for i in 0..<columns { target[i] = source[i].roundedToBFloat16 }
        }
        return Matrix(base, rows: rows, columns: columns)
    }
}
