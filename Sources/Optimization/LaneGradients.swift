import Encoder
import Foundation
import Kernels

/// The gradients of a step: a buffer for every lane that is under way, and their sum. The only place that knows how they
/// come together.
///
/// Lanes are summed by `LaneTree`, two siblings as soon as both are complete, by the thread that completes the second; what
/// is left when the last lane has begun is summed by all threads together. Which lanes are ever added to which does not
/// depend on that.
public final class LaneGradients: @unchecked Sendable {
    /// A buffer and the worker that has touched it first, in whose memory it therefore is.
    private struct Buffer {
        let floats: FloatBuffer
        let worker: Int
    }

    private let count: Int
    private let threadCount: Int
    package let pieces: GradientPieces

    private let condition = NSCondition()
    private var sums = LaneSums<Buffer>(laneCount: 0)
    /// All zero.
    private var spare: [Buffer] = []
    /// Buffers that are not all zero: of lanes under way, and waiting.
    private var inUse = 0
    private var limit = 0
    private var merged: Buffer?
    /// Lanes under way, and threads that are adding two sums.
    private var underWay: [LaneTree.Node: Buffer] = [:]
    private var merging = 0

    /// Whether sums of lanes are rounded to bfloat16 before they are added to others.
    package let isRounded: Bool

    /// - Parameters:
    ///   - threadCount: that carry lanes.
    ///   - isRounded: whether sums of lanes are rounded to bfloat16 before they are added to others, wherever these come from.
    public init(_ layout: ParameterLayout, threadCount: Int, isRounded: Bool = false) {
        self.isRounded = isRounded
        count = layout.bufferCount
        self.threadCount = threadCount
        pieces = GradientPieces(layout)
    }

    /// Lanes that are complete, to be merged.
    package convenience init(_ layout: ParameterLayout, lanes: [FloatBuffer]) {
        self.init(layout, threadCount: 1)
        start(laneCount: lanes.count, limit: lanes.count)
        let nodes = lanes.map { _ in sums.begin().node }
        for (node, lane) in zip(nodes, lanes) { _ = sums.complete(node, Buffer(floats: lane, worker: 0)) }
        inUse = lanes.count
    }

    /// The most buffers that are in use at a time.
    ///
    /// One a thread, one for each level of the tree, since what precedes all lanes under way is as many blocks as its
    /// number has ones, and half as many as threads, for lanes that wait for a sibling that is still under way. A thread
    /// that finds none waits; it cannot be for ever, since with no lane under way only the blocks are left. With a buffer a
    /// thread and level alone it would happen often on many threads, and 1 to 9 % of the time be lost; with half as many
    /// beside, lanes that differ by 15 % and a thread of half the speed never reached the limit (a simulation of lanes,
    /// 2 to 64 threads with one to eight lanes each).
    public static func bufferLimit(laneCount: Int, threadCount: Int) -> Int {
        min(laneCount, threadCount + threadCount / 2 + LaneTree(laneCount: laneCount).depth)
    }

    /// Carries lanes on the pool's threads.
    ///
    /// - Parameters:
    ///   - gradients: nil where nothing is learned.
    ///   - lanes: of the batch's that are carried here; nil for all.
    ///   - body: gets the lane's gradient buffer, all zero; it does not matter which worker carries which lane.
    public static func run(
        _ gradients: LaneGradients?, laneCount: Int, lanes: Range<Int>? = nil, pool: ThreadPool,
        _ body: @escaping @Sendable (_ lane: Int, _ worker: Int, _ gradients: UnsafeMutablePointer<Float>?) -> Void
    ) {
        let own = lanes ?? 0..<laneCount
        guard let gradients else { return pool.run(own.count) { body(own.lowerBound + $0, $1, nil) } }
        precondition(pool.threadCount <= gradients.threadCount)
        // A block of lanes that is no subtree has blocks of its own on either side.
        let depth = own.count < laneCount ? LaneTree(laneCount: laneCount).depth : 0
        let limit = min(own.count, depth + bufferLimit(laneCount: laneCount, threadCount: gradients.threadCount))
        gradients.start(laneCount: laneCount, lanes: own, limit: limit)
        pool.run(own.count) { _, worker in
            // Not the task's number: lanes get their buffers in the order of their indices.
            let (lane, node, buffer) = gradients.begin(worker)
            body(lane, worker, buffer.floats.base)
            gradients.complete(node, buffer)
        }
    }

    /// The buffers of all lanes at once, all zero, where lanes are carried side by side from the first to the last: they may
    /// be added to until `merge`.
    public func all(laneCount: Int) -> [UnsafeMutablePointer<Float>] {
        start(laneCount: laneCount, limit: laneCount)
        let lanes = (0..<laneCount).map { _ in begin(0) }
        for lane in lanes { _ = sums.complete(lane.node, lane.buffer) }
        return lanes.map(\.buffer.floats.base)
    }

    /// The sum of all lanes, after `merge` and until the next lanes are begun. All zero by then, as an optimizer leaves it.
    public var sum: FloatBuffer {
        guard let merged else { preconditionFailure("there is no sum before lanes are merged") }
        return merged.floats
    }

    /// Buffers that there are.
    package var bufferCount: Int { spare.count + inUse }

    /// Sums what has not been summed yet.
    ///
    /// - Returns: the norm √Σ g² of each optimizer's gradients; not finite if any gradient is not.
    public func merge(pool: ThreadPool) -> [Double] {
        let open = settle()
        let (order, left) = open.tree.order(open.nodes)
        precondition(left.count == 1, "lanes were summed before all were complete")
        let (pieces, isRounded) = (pieces, isRounded)
        let squares = TaskResults<Double>(count: pieces.places.count)
        pool.run(pieces.places.count) { piece, _ in
            let place = pieces.places[piece]
            squares[piece] = Kernels.mergeGradients(
                open.buffers.map { $0.base + place.lowerBound }, order: order, count: place.count,
                rounded: isRounded)
        }
        return norms(squares: pieces.places.indices.map { squares[$0]! })
    }

    /// The norm of each optimizer's gradients from the sums of squares of their pieces.
    package func norms(squares: [Double]) -> [Double] {
        pieces.ofOptimizer.map { squares[$0].reduce(0, +).squareRoot() }
    }

    /// What will be left to sum, once all lanes that are carried here have begun: from then on none is added to another, and every
    /// buffer stays what it is.
    ///
    /// - Returns: in the order of lanes.
    package func open() -> (buffers: [FloatBuffer], nodes: [LaneTree.Node]) {
        condition.lock()
        defer { condition.unlock() }
        precondition(!sums.hasLanes, "lanes have not begun")
        while merging > 0 { condition.wait() }
        let all = sums.waitingNodes + underWay.map { (node: $0.key, value: $0.value) }
        let sorted = all.sorted { $0.node.firstLane < $1.node.firstLane }
        return (sorted.map(\.value.floats), sorted.map(\.node))
    }

    /// What is still to be summed, once all lanes that are carried here are complete. `sum` will be the first of these buffers;
    /// the others have to be cleared.
    package func settle() -> (buffers: [FloatBuffer], nodes: [LaneTree.Node], tree: LaneTree) {
        let (values, nodes) = sums.rest()
        merged = values[0]
        spare += values.dropFirst()
        inUse = 1
        return (values.map(\.floats), nodes, sums.tree)
    }

    /// Forgets everything, lanes that were broken off too. New buffers cost less than to clear these: their pages come as
    /// zeros, each to the thread that touches it first.
    public func clear() {
        sums = LaneSums(laneCount: 0)
        underWay = [:]
        spare = []
        merged = nil
        inUse = 0
    }

    /// The norm of all gradients, from those of their parts.
    public static func total(_ norms: [Double]) -> Double {
        norms.count == 1 ? norms[0] : norms.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    /// The factor that clipping multiplies gradients with: 1 where the norm is within the limit or the limit is 0.
    public static func clipFactor(norm: Double, limit: Double) -> Double {
        limit > 0 && norm > limit ? limit / norm : 1
    }

    private func start(laneCount: Int, lanes: Range<Int>? = nil, limit: Int) {
        precondition(sums.isEmpty, "lanes were begun before those before them were merged")
        if let merged { spare.append(merged) }
        merged = nil
        inUse = 0
        underWay = [:]
        self.limit = limit
        sums = LaneSums(laneCount: laneCount, lanes: lanes)
    }

    private func begin(_ worker: Int) -> (lane: Int, node: LaneTree.Node, buffer: Buffer) {
        condition.lock()
        defer { condition.unlock() }
        while inUse == limit { condition.wait() }
        inUse += 1
        let (lane, node) = sums.begin()
        let place = spare.lastIndex { $0.worker == worker } ?? spare.indices.last
        let buffer = place.map { spare.remove(at: $0) } ?? Buffer(floats: FloatBuffer(count: count), worker: worker)
        underWay[node] = buffer
        return (lane, node, buffer)
    }

    private func complete(_ node: LaneTree.Node, _ buffer: Buffer) {
        var node = node
        condition.lock()
        underWay[node] = nil
        while let (sibling, sum) = sums.complete(node, buffer) {
            merging += 1
            condition.unlock()
            // Into the buffer at hand, which is near this thread: a sum of two does not depend on their order.
            Kernels.moveGradients(sibling.floats.base, into: buffer.floats.base, count: count, rounded: isRounded)
            condition.lock()
            spare.append(sibling)
            inUse -= 1
            merging -= 1
            condition.broadcast()
            node = sum
        }
        condition.unlock()
    }
}
