/// Who sums what while lanes are under way: which lane is next, what waits for its sibling, and what is left at the end.
///
/// Lanes are begun in the order of their indices, and whoever completes the second of two siblings sums both. So what waits
/// is little: of the lanes before all that are under way at most one block a level, and beside it what waits for a sibling
/// that is under way.
package struct LaneSums<Value> {
    package let tree: LaneTree
    private let lanes: Range<Int>
    /// The lane that is next.
    private var next: Int
    private var waiting: [LaneTree.Node: Value] = [:]

    /// - Parameter lanes: that are summed here; nil for all.
    package init(laneCount: Int, lanes: Range<Int>? = nil) {
        tree = LaneTree(laneCount: laneCount)
        self.lanes = lanes ?? 0..<laneCount
        next = self.lanes.lowerBound
    }

    package var hasLanes: Bool { next < lanes.upperBound }

    /// Whether nothing waits to be summed.
    package var isEmpty: Bool { waiting.isEmpty }

    /// The next lane.
    package mutating func begin() -> (lane: Int, node: LaneTree.Node) {
        precondition(hasLanes, "more lanes were begun than there are")
        defer { next += 1 }
        return (next, tree.leaf(next))
    }

    /// A lane, or the sum of several, is complete.
    ///
    /// - Returns: what it is to be summed with, which `sum` then stands for; nil where it waits. When all lanes are begun
    ///   everything waits for `rest`: no memory is needed any more, and several threads sum faster than one.
    package mutating func complete(_ node: LaneTree.Node, _ value: Value) -> (sibling: Value, sum: LaneTree.Node)? {
        if hasLanes, let merge = tree.merge(of: node), let sibling = waiting.removeValue(forKey: merge.sibling) {
            return (sibling, merge.sum)
        }
        precondition(waiting.updateValue(value, forKey: node) == nil, "a lane was completed twice")
        return nil
    }

    /// What waits now, in no order.
    package var waitingNodes: [(node: LaneTree.Node, value: Value)] { waiting.map { ($0.key, $0.value) } }

    /// What waits once all lanes are complete, in the order of lanes; see `LaneTree.order` for what to do with it.
    package mutating func rest() -> (values: [Value], nodes: [LaneTree.Node]) {
        precondition(!hasLanes, "lanes were summed before all were complete")
        let sorted = waiting.sorted { $0.key.firstLane < $1.key.firstLane }
        waiting = [:]
        return (sorted.map(\.value), sorted.map(\.key))
    }
}
