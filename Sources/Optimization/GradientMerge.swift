import Encoder
import Kernels

/// Sums the lanes' gradients and measures the result, in an order that does not depend on threads.
public struct GradientMerge: Sendable {
    private static let sliceCount = 1 << 17
    /// Parts of the buffer, one for each optimizer.
    private let ranges: [Range<Int>]

    public init(_ layout: ParameterLayout) {
        let boundary = layout.secondGroupStart
        ranges = boundary.map { [0..<$0, $0..<layout.bufferCount] } ?? [0..<layout.bufferCount]
    }

    /// Adds all buffers to the first, clears the others, and returns the norm of each optimizer's gradients.
    ///
    /// - Returns: √Σ g² over its parameters; not finite if any gradient is not.
    public func norms(_ buffers: [FloatBuffer], pool: ThreadPool) -> [Double] {
        ranges.map { range in
            let slices = (range.count + Self.sliceCount - 1) / Self.sliceCount
            let squares = TaskResults<Double>(count: slices)
            pool.run(slices) { slice, _ in
                let start = range.lowerBound + slice * Self.sliceCount
                squares[slice] = Kernels.mergeGradients(
                    buffers.map { $0.base + start }, count: min(Self.sliceCount, range.upperBound - start))
            }
            return (0..<slices).reduce(0) { $0 + squares[$1]! }.squareRoot()
        }
    }

    /// Adds all buffers to the first, clears the others, and returns the global norm.
    public func merge(_ buffers: [FloatBuffer], pool: ThreadPool) -> Double { Self.total(norms(buffers, pool: pool)) }

    /// The norm of all gradients, from those of their parts.
    public static func total(_ norms: [Double]) -> Double {
        norms.count == 1 ? norms[0] : norms.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    /// The factor that clipping multiplies gradients with: 1 where the norm is within the limit or the limit is 0.
    public static func clipFactor(norm: Double, limit: Double) -> Double {
        limit > 0 && norm > limit ? limit / norm : 1
    }
}
