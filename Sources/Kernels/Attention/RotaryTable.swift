import Foundation

/// Cosines and sines of rotary positions (Su et al. 2021, arXiv 2104.09864), in the half-split convention of Hugging
/// Face's `rotate_half`: element j is rotated with element j + d/2 by the angle position · base^(−2j/d).
public final class RotaryTable: @unchecked Sendable {
    let cosines: FloatBuffer
    let sines: FloatBuffer
    /// Half of the head size: the number of angles of a position.
    let half: Int
    public let positions: Int

    /// - Parameter headSize: a multiple of 16.
    public init(headSize: Int, positions: Int, base: Double) {
        precondition(headSize % (2 * vectorWidth) == 0)
        half = headSize / 2
        self.positions = positions
        cosines = FloatBuffer(count: positions * half)
        sines = FloatBuffer(count: positions * half)
        for j in 0..<half {
            let frequency = pow(base, -2 * Double(j) / Double(headSize))
            for position in 0..<positions {
                cosines.base[position * half + j] = Float(cos(Double(position) * frequency))
                sines.base[position * half + j] = Float(sin(Double(position) * frequency))
            }
        }
    }

    /// Rotates one head of one row in place and multiplies it by `scale`; `inverse` rotates back.
    @inline(__always)
    func rotate(_ x: UnsafeMutablePointer<Float>, position: Int, scale: Float, inverse: Bool) {
        let cosine = cosines.base + position * half
        let sine = sines.base + position * half
        for j in stride(from: 0, to: half, by: vectorWidth) {
            let a = load(x, j)
            let b = load(x, j + half)
            let c = load(cosine, j) * scale
            let s = inverse ? -load(sine, j) * scale : load(sine, j) * scale
            store(a * c - b * s, x, j)
            store(b * c + a * s, x, j + half)
        }
    }
}
