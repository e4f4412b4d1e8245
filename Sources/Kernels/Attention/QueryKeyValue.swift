extension Kernels {
    /// Turns the fused projection into what attention multiplies: adds the biases, rotates queries and keys, and scales
    /// the queries, so that scores are plain products.
    ///
    /// - Parameters:
    ///   - qkv: `[n, 3 · headCount · headSize]`: queries, keys and values of all heads side by side; overwritten.
    ///   - bias: `[3 · headCount · headSize]`.
    ///   - norm: of queries and keys, behind the biases; nil: none.
    ///   - positions: `[n]`, each token's position within its segment; read where `rotary` is given.
    public static func prepareQueryKeyValue(
        _ qkv: Matrix, bias: UnsafePointer<Float>, headSize: Int, queryScale: Float, norm: HeadNorm? = nil,
        rotary: RotaryTable?, positions: UnsafePointer<Int32>
    ) {
        Profile.enter(.prepareQueryKeyValue)
        defer {
            Profile.leave(
                flops: (rotary == nil ? 4 : 6) * qkv.rows * qkv.columns / 3, floats: 2 * qkv.rows * qkv.columns)
        }
        rotary?.prepare()
        let width = qkv.columns / 3
        for row in 0..<qkv.rows {
            let values = qkv.row(row)
            for i in Swift.stride(from: 0, to: 3 * width, by: vectorWidth) {
                store(load(values, i) + load(bias, i), values, i)
            }
            norm?.normalize(values, row: row, width: width, headSize: headSize)
            rotateAndScale(
                values, width: width, headSize: headSize, queryScale, rotary, Int(positions[row]), inverse: false)
        }
    }

    /// Gradient of `prepareQueryKeyValue`, in place, with its column sums added to the bias gradient.
    ///
    /// - Parameters:
    ///   - norm: as in the forward pass, with what this left of queries, keys and values, and where the gradient of its gains
    ///     is added up.
    public static func prepareQueryKeyValueBackward(
        _ gradient: Matrix, headSize: Int, queryScale: Float,
        norm: (forward: HeadNorm, kept: Matrix, gainGradient: UnsafeMutablePointer<Float>)? = nil, rotary: RotaryTable?,
        positions: UnsafePointer<Int32>, biasGradient: UnsafeMutablePointer<Float>
    ) {
        Profile.enter(.prepareQueryKeyValueBackward)
        defer {
            Profile.leave(
                flops: (rotary == nil ? 4 : 6) * gradient.rows * gradient.columns / 3,
                floats: 2 * gradient.rows * gradient.columns)
        }
        rotary?.prepare()
        let width = gradient.columns / 3
        for row in 0..<gradient.rows {
            let values = gradient.row(row)
            if let norm {
                norm.forward.normalizeBackward(
                    values, kept: norm.kept.row(row), row: row, width: width, headSize: headSize,
                    queryScale: queryScale, gainGradient: norm.gainGradient)
            }
            rotateAndScale(
                values, width: width, headSize: headSize, queryScale, rotary, Int(positions[row]), inverse: true)
            for i in Swift.stride(from: 0, to: 3 * width, by: vectorWidth) {
                store(load(biasGradient, i) + load(values, i), biasGradient, i)
            }
        }
    }

    /// The same for a projection of fewer parts: adds the biases, and rotates and scales the first columns.
    ///
    /// - Parameters:
    ///   - x: `[n, columns]`: heads side by side; overwritten.
    ///   - rotatedColumns: of queries or keys, which come first.
    public static func prepareHeads(
        _ x: Matrix, bias: UnsafePointer<Float>, headSize: Int, rotatedColumns: Int, scale: Float,
        rotary: RotaryTable?, positions: [Int32]
    ) {
        addBias(x, bias)
        rotateHeads(
            x, headSize: headSize, rotatedColumns: rotatedColumns, scale: scale, rotary: rotary, positions: positions,
            inverse: false)
    }

    /// Gradient of `prepareHeads`, in place, with its column sums added to the bias gradient.
    public static func prepareHeadsBackward(
        _ gradient: Matrix, headSize: Int, rotatedColumns: Int, scale: Float, rotary: RotaryTable?,
        positions: [Int32], biasGradient: UnsafeMutablePointer<Float>
    ) {
        rotateHeads(
            gradient, headSize: headSize, rotatedColumns: rotatedColumns, scale: scale, rotary: rotary,
            positions: positions, inverse: true)
        addColumnSums(gradient, to: biasGradient)
    }

    private static func rotateHeads(
        _ x: Matrix, headSize: Int, rotatedColumns: Int, scale: Float, rotary: RotaryTable?, positions: [Int32],
        inverse: Bool
    ) {
        rotary?.prepare()
        for row in 0..<x.rows {
            let values = x.row(row)
            if let rotary {
                for head in Swift.stride(from: 0, to: rotatedColumns, by: headSize) {
                    rotary.rotate(values + head, position: Int(positions[row]), scale: scale, inverse: inverse)
                }
            } else if scale != 1 {
                for i in Swift.stride(from: 0, to: rotatedColumns, by: vectorWidth) {
                    store(load(values, i) * scale, values, i)
                }
            }
        }
    }

    @inline(__always)
    private static func rotateAndScale(
        _ values: UnsafeMutablePointer<Float>, width: Int, headSize: Int, _ queryScale: Float,
        _ rotary: RotaryTable?, _ position: Int, inverse: Bool
    ) {
        if let rotary {
            for head in Swift.stride(from: 0, to: width, by: headSize) {
                rotary.rotate(values + head, position: position, scale: queryScale, inverse: inverse)
                rotary.rotate(values + width + head, position: position, scale: 1, inverse: inverse)
            }
        } else {
            for i in Swift.stride(from: 0, to: width, by: vectorWidth) {
                store(load(values, i) * queryScale, values, i)
            }
        }
    }
}
