import Encoder
import Kernels

/// Moves a whole encoder by a few trained numbers: θ = θ₀ + P·z, where z is one vector and P is fixed and random (Li et al.
/// 2018, arXiv 1804.08838; for fine-tuning Aghajanyan et al. 2020, arXiv 2012.13255).
///
/// P has one entry a row, ±1: weight i moves with number i mod size, in a direction that is drawn once. Its columns are
/// orthogonal, it needs one bit a weight, and Adam's steps of z are as large for each weight as those of its own would be. The papers'
/// projections are denser (Fastfood); a gradient costs as much as ever, as all of it is needed for that of z.
final class SharedVector {
    /// The numbers, a parameter of their own.
    private let vector: ParameterSlot
    private let size: Int
    /// What is moved: stretches of the parameter buffer, and the number of weights before each.
    private let stretches: [(start: Int, count: Int, before: Int)]
    /// What learns by itself, the vector included.
    private let learned: [ParameterSpec]
    /// A bit for each weight.
    private let signs: [UInt32]
    /// The numbers that weights hold already.
    private var applied: [Float]

    /// - Parameters:
    ///   - moves: whether a tensor is moved.
    ///   - isFrozen: whether the optimizer leaves it.
    init(
        _ vector: ParameterSlot, _ layout: ParameterLayout, seed: UInt64, moves: (ParameterSpec) -> Bool,
        isFrozen: (ParameterSpec) -> Bool
    ) {
        self.vector = vector
        size = vector.columns
        var stretches: [(start: Int, count: Int, before: Int)] = []
        var total = 0
        for spec in layout.specs where moves(spec) {
            stretches.append((spec.offset, spec.count, total))
            total += spec.count
        }
        self.stretches = stretches
        learned = layout.specs.filter { !isFrozen($0) }
        let random = Philox(seed: seed, purpose: .projection)
        signs = (0..<(total + 127) / 128).flatMap { block -> [UInt32] in
            let words = random.block([UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32), 0, 0])
            return [words.x, words.y, words.z, words.w]
        }
        applied = [Float](repeating: 0, count: size)
    }

    /// Takes the numbers as they stand in the weights for those that these hold, after weights were loaded.
    func begin(_ weights: FloatBuffer) { applied = numbers(weights) }

    /// Replaces the gradient of the encoder by that of the vector, and clears the former.
    ///
    /// - Returns: the norm √Σ g² of the vector's and of all else that learns.
    func project(_ gradients: FloatBuffer, pool: ThreadPool) -> Double {
        forEachPart(pool) { [stretches, signs, size, vector] numbers in
            let target = gradients.base + vector.offset
            Self.visit(stretches, size, numbers) { weight, index, number in
                target[number] += Self.signed(gradients.base[weight], signs, index)
                gradients.base[weight] = 0
            }
        }
        return learned.reduce(0) { sum, spec in
            (0..<spec.count).reduce(sum) {
                let value = Double(gradients.base[spec.offset + $1])
                return $0 + value * value
            }
        }.squareRoot()
    }

    /// Moves the weights by what the numbers have changed.
    func apply(_ weights: FloatBuffer, pool: ThreadPool) {
        let now = numbers(weights)
        let change = zip(now, applied).map { $0 - $1 }
        forEachPart(pool) { [stretches, signs, size] numbers in
            Self.visit(stretches, size, numbers) { weight, index, number in
                weights.base[weight] += Self.signed(change[number], signs, index)
            }
        }
        applied = now
    }

    private func numbers(_ weights: FloatBuffer) -> [Float] {
        Array(UnsafeBufferPointer(start: weights.base + vector.offset, count: size))
    }

    /// Divides the numbers among threads: each sums its own in one order, whoever does it.
    private func forEachPart(_ pool: ThreadPool, _ body: @escaping @Sendable (Range<Int>) -> Void) {
        let partSize = 256
        pool.run((size + partSize - 1) / partSize) { [size] part, _ in
            body(part * partSize..<min((part + 1) * partSize, size))
        }
    }

    /// Visits the weights that a range of numbers moves: index in the buffer, index among the moved, number.
    @inline(__always)
    private static func visit(
        _ stretches: [(start: Int, count: Int, before: Int)], _ size: Int, _ numbers: Range<Int>,
        _ body: (_ weight: Int, _ index: Int, _ number: Int) -> Void
    ) {
        for stretch in stretches {
            var round = stretch.before / size
            while true {
                let first = max(round * size + numbers.lowerBound, stretch.before)
                let end = min(round * size + numbers.upperBound, stretch.before + stretch.count)
                if round * size >= stretch.before + stretch.count { break }
                if first < end {
                    for index in first..<end {
                        body(stretch.start + index - stretch.before, index, index - round * size)
                    }
                }
                round += 1
            }
        }
    }

    @inline(__always)
    private static func signed(_ value: Float, _ signs: [UInt32], _ index: Int) -> Float {
        Float(bitPattern: value.bitPattern ^ ((signs[index >> 5] >> UInt32(index & 31)) << 31))
    }
}
