import Encoder
import Kernels

/// The gradients of a step: a buffer for every lane, then their sum. The only place that knows how they come together.
public final class LaneGradients: Sendable {
    private static let sliceCount = 1 << 17

    /// One a lane; all zero before a step.
    public let lanes: [FloatBuffer]
    /// Parts of a buffer, one for each optimizer.
    private let ranges: [Range<Int>]

    public convenience init(_ layout: ParameterLayout, laneCount: Int) {
        self.init(layout, lanes: (0..<laneCount).map { _ in FloatBuffer(count: layout.bufferCount) })
    }

    /// - Parameter lanes: at least one buffer of the layout.
    public init(_ layout: ParameterLayout, lanes: [FloatBuffer]) {
        self.lanes = lanes
        let boundary = layout.secondGroupStart
        ranges = boundary.map { [0..<$0, $0..<layout.bufferCount] } ?? [0..<layout.bufferCount]
    }

    /// The sum of all lanes, after `merge` and until it is used.
    public var sum: FloatBuffer { lanes[0] }

    /// Sums all lanes, in an order that does not depend on threads, and clears all but the sum.
    ///
    /// - Returns: the norm √Σ g² of each optimizer's gradients; not finite if any gradient is not.
    public func merge(pool: ThreadPool) -> [Double] {
        ranges.map { range in
            let slices = (range.count + Self.sliceCount - 1) / Self.sliceCount
            let squares = TaskResults<Double>(count: slices)
            pool.run(slices) { [lanes] slice, _ in
                let start = range.lowerBound + slice * Self.sliceCount
                squares[slice] = Kernels.mergeGradients(
                    lanes.map { $0.base + start }, count: min(Self.sliceCount, range.upperBound - start))
            }
            return (0..<slices).reduce(0) { $0 + squares[$1]! }.squareRoot()
        }
    }

    /// Forgets everything.
    public func clear() {
        for lane in lanes { lane.zero() }
    }

    /// The norm of all gradients, from those of their parts.
    public static func total(_ norms: [Double]) -> Double {
        norms.count == 1 ? norms[0] : norms.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    /// The factor that clipping multiplies gradients with: 1 where the norm is within the limit or the limit is 0.
    public static func clipFactor(norm: Double, limit: Double) -> Double {
        limit > 0 && norm > limit ? limit / norm : 1
    }
}
