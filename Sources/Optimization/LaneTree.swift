/// The order in which lanes are summed: a binary tree over their indices, the same for any number of threads.
///
/// Neighbours are summed first, (0 + 1) and (2 + 3), then these pairs, and so on; what has no neighbour moves up as it is. So
/// every aligned block of 2ᵏ lanes is a subtree: its sum does not depend on what is outside of it, and could come from
/// another machine.
package struct LaneTree: Sendable, Equatable {
    /// The lanes `index · 2^level ..< (index + 1) · 2^level`, as far as there are so many.
    package struct Node: Hashable, Sendable {
        package var level: Int
        package var index: Int

        var firstLane: Int { index << level }
    }

    package let laneCount: Int

    package init(laneCount: Int) { self.laneCount = laneCount }

    /// Levels above the lanes.
    package var depth: Int { laneCount > 1 ? Int.bitWidth - (laneCount - 1).leadingZeroBitCount : 0 }

    package func leaf(_ lane: Int) -> Node { raised(Node(level: 0, index: lane)) }

    /// What a node is added to, or what is added to it, and what comes of that; nil for the root.
    package func merge(of node: Node) -> (sibling: Node, sum: Node)? {
        guard node.level < depth else { return nil }
        let sum = raised(Node(level: node.level + 1, index: node.index / 2))
        return (Node(level: node.level, index: node.index ^ 1), sum)
    }

    /// The same lanes at the highest level at which no others are with them.
    private func raised(_ node: Node) -> Node {
        var node = node
        while node.level < depth, (node.index ^ 1) << node.level >= laneCount {
            node = Node(level: node.level + 1, index: node.index / 2)
        }
        return node
    }

    /// What has been summed of consecutive lanes and is to be summed further, as far as it goes.
    ///
    /// - Parameters:
    ///   - nodes: in the order of lanes.
    ///   - preferred: places in that list where sums had better be made, the first of them if there are several: a sum of two
    ///     does not depend on their order.
    /// - Returns: steps by places in that list, `into` becomes the sum of both; and what is left, in the order of lanes.
    package func order(_ nodes: [Node], preferring preferred: Range<Int>? = nil) -> (
        steps: [(into: Int, from: Int)], left: [(node: Node, place: Int)]
    ) {
        var open = Dictionary(uniqueKeysWithValues: nodes.enumerated().map { ($1, $0) })
        var steps: [(into: Int, from: Int)] = []
        for level in 0..<depth {
            for (node, place) in open.sorted(by: { $0.key.index < $1.key.index })
            where node.level == level && node.index % 2 == 0 {
                guard let merge = merge(of: node), let other = open[merge.sibling] else { continue }
                (open[node], open[merge.sibling]) = (nil, nil)
                let prefersOther =
                    preferred.map { $0.contains(other) && !$0.contains(place) } ?? false
                let (into, from) = prefersOther ? (other, place) : (place, other)
                open[merge.sum] = into
                steps.append((into, from))
            }
        }
        let left = open.sorted { $0.key.firstLane < $1.key.firstLane }
        return (steps, left.map { ($0.key, $0.value) })
    }

    /// The blocks that some consecutive lanes come to when they are summed among themselves, in the order of lanes.
    package func blocks(_ lanes: Range<Int>) -> [Node] { order(lanes.map(leaf)).left.map(\.node) }
}
