/// Who sums what while lanes are under way: which lane is next, what waits for its sibling, and what is left at the end.
///
/// Lanes are begun in the order of their indices, and whoever completes the second of two siblings sums both. So what waits
/// is little: of the lanes before all that are under way at most one block a level, and beside it what waits for a sibling
/// that is under way.
package struct LaneSums<Value> {
    private let tree: LaneTree
    /// Lanes begun.
    private var begun = 0
    private var waiting: [LaneTree.Node: Value] = [:]

    package init(laneCount: Int) { tree = LaneTree(laneCount: laneCount) }

    package var hasLanes: Bool { begun < tree.laneCount }

    /// Whether nothing waits to be summed.
    package var isEmpty: Bool { waiting.isEmpty }

    /// The next lane.
    package mutating func begin() -> (lane: Int, node: LaneTree.Node) {
        precondition(hasLanes, "more lanes were begun than there are")
        defer { begun += 1 }
        return (begun, tree.leaf(begun))
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

    /// What waits once all lanes are complete, in the order of lanes, and in which order it is summed, by places in that
    /// list: `into` becomes the sum of both. The first becomes that of all.
    package mutating func rest() -> (values: [Value], order: [(into: Int, from: Int)]) {
        let sorted = waiting.sorted { $0.key.index << $0.key.level < $1.key.index << $1.key.level }
        waiting = [:]
        var open = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1.key, $0) })
        var order: [(into: Int, from: Int)] = []
        for level in 0..<tree.depth {
            for (node, place) in open.sorted(by: { $0.key.index < $1.key.index })
            where node.level == level && node.index % 2 == 0 {
                guard let merge = tree.merge(of: node), let other = open.removeValue(forKey: merge.sibling) else {
                    preconditionFailure("lanes were summed before all were complete")
                }
                open[node] = nil
                open[merge.sum] = place
                order.append((place, other))
            }
        }
        precondition(open.count == 1 && !hasLanes, "lanes were summed before all were complete")
        return (sorted.map(\.value), order)
    }
}
