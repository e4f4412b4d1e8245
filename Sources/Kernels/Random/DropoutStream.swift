/// The dropout decisions of one tensor at one step: a pure function of (seed, step, tensor, row, column).
///
/// An element is dropped when its 16 random bits are below `probability · 65536`; kept elements are multiplied by
/// `scale` = 1/(1 − p) with p the probability as rounded to those bits, so the expectation is exact.
public struct DropoutStream: Sendable {
    let key: SIMD2<UInt32>
    let step: UInt32
    private(set) var stream: UInt32
    let threshold: UInt32
    public let scale: Float

    /// The decisions of a step, before a tensor is chosen with `stream`.
    public init(seed: UInt64, step: Int) {
        var key = Philox(seed: seed, purpose: .dropout).key
        // The counter has room for 32 bits of the step; the key takes the rest.
        key.y ^= UInt32(truncatingIfNeeded: step >> 32)
        self.init(key: key, step: UInt32(truncatingIfNeeded: step), stream: 0, probability: 0)
    }

    private init(key: SIMD2<UInt32>, step: UInt32, stream: UInt32, probability: Double) {
        self.key = key
        self.step = step
        self.stream = stream
        threshold = UInt32((probability * 65536).rounded())
        scale = Float(65536 / (65536 - Double(threshold)))
    }

    /// The decisions for one tensor.
    ///
    /// - Parameter tensor: identifies the tensor within the model.
    public func stream(_ tensor: UInt32, probability: Double) -> DropoutStream {
        DropoutStream(key: key, step: step, stream: tensor, probability: probability)
    }

    /// The decisions, of the same probability, for the tensor `distance` after this one.
    @inline(__always)
    func advanced(by distance: Int) -> DropoutStream {
        var copy = self
        copy.stream = stream &+ UInt32(truncatingIfNeeded: distance)
        return copy
    }

    /// The factors of 64 elements of `row`, from column `64 · block`: 0 where dropped, `scale` where kept.
    @inline(__always)
    func factors(row: UInt32, block: Int, _ body: (_ group: Int, _ factors: Vector) -> Void) {
        let words = philoxEightBlocks(
            key: key, firstColumn: UInt32(truncatingIfNeeded: block &* 8), row: row, step: step, stream: stream)
        let kept = Vector(repeating: scale)
        let low = SIMD8<UInt32>(repeating: 0xFFFF)
        let limit = SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: threshold))
        @inline(__always)
        func emit(_ word: SIMD8<UInt32>, _ group: Int) {
            // Both halves fit a signed word, whose comparison is one instruction.
            let first = unsafeBitCast(word & low, to: SIMD8<Int32>.self)
            let second = unsafeBitCast(word &>> 16, to: SIMD8<Int32>.self)
            body(group, kept.replacing(with: 0, where: first .< limit))
            body(group + 1, kept.replacing(with: 0, where: second .< limit))
        }
        emit(words.0, 0)
        emit(words.1, 2)
        emit(words.2, 4)
        emit(words.3, 6)
    }

    /// The factors of `count` columns (a multiple of 8) from `firstColumn` (a multiple of 64), written to `result`.
    @inline(__always)
    func writeFactors(row: UInt32, firstColumn: Int = 0, count: Int, to result: UnsafeMutablePointer<Float>) {
        var column = 0
        while column < count {
            factors(row: row, block: (firstColumn + column) / 64) { group, factors in
                let at = column + group * vectorWidth
                if at < count { store(factors, result, at) }
            }
            column += 64
        }
    }

    /// The factor of one element, computed plainly: the reference for the vector form.
    package func factor(row: UInt32, column: Int) -> Float {
        let lane = column % 8
        let group = column % 64 / 8
        let words = philoxEightBlocks(
            key: key, firstColumn: UInt32(column / 64 * 8), row: row, step: step, stream: stream)
        let word = [words.0, words.1, words.2, words.3][group / 2][lane]
        let bits = group % 2 == 0 ? word & 0xFFFF : word >> 16
        return bits < threshold ? 0 : scale
    }
}
