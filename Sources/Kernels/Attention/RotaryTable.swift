import Foundation

/// Cosines and sines of rotary positions (Su et al. 2021, arXiv 2104.09864), in the half-split convention of Hugging
/// Face's `rotate_half`: element j is rotated with element j + d/2 by the angle position · base^(−2j/d).
public final class RotaryTable: @unchecked Sendable {
    private let lock = NSLock()
    private var tables: (cosines: FloatBuffer, sines: FloatBuffer)?
    private var cosines: UnsafePointer<Float>?
    private var sines: UnsafePointer<Float>?
    private let base: Double
    /// Half of the head size: the number of angles of a position.
    let half: Int
    public let positions: Int

    /// Memory is taken when the table is first used: models are also made to tell what they would cost.
    ///
    /// - Parameter headSize: a multiple of 16.
    public init(headSize: Int, positions: Int, base: Double) {
        precondition(headSize % (2 * vectorWidth) == 0)
        half = headSize / 2
        self.positions = positions
        self.base = base
    }

    /// Computes the table, unless it is there. Due before `rotate`, on every thread that calls it.
    func prepare() {
        lock.lock()
        defer { lock.unlock() }
        guard tables == nil else { return }
        let (cosines, sines) = (FloatBuffer(count: positions * half), FloatBuffer(count: positions * half))
        for j in 0..<half {
            let frequency = pow(base, -Double(j) / Double(half))
            for position in 0..<positions {
                cosines.base[position * half + j] = Float(cos(Double(position) * frequency))
                sines.base[position * half + j] = Float(sin(Double(position) * frequency))
            }
        }
        tables = (cosines, sines)
        (self.cosines, self.sines) = (UnsafePointer(cosines.base), UnsafePointer(sines.base))
    }

    /// Rotates one head of one row in place and multiplies it by `scale`; `inverse` rotates back.
    @inline(__always)
    func rotate(_ x: UnsafeMutablePointer<Float>, position: Int, scale: Float, inverse: Bool) {
        guard let cosines, let sines else { preconditionFailure("a rotary table was not prepared") }
        let cosine = cosines + position * half
        let sine = sines + position * half
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
