import Optimization
import TestSupport
import Testing

/// How lanes come together, whoever carries them and in whatever order they are done.
@Suite("The tree of lanes")
struct LaneTreeTests {
    /// A sum as it was made.
    private struct Term {
        var first: Int
        var text: String

        static func lane(_ index: Int) -> Term { Term(first: index, text: "\(index)") }

        /// A sum of two is the same in either order.
        static func + (a: Term, b: Term) -> Term {
            let (left, right) = a.first < b.first ? (a, b) : (b, a)
            return Term(first: left.first, text: "(\(left.text)+\(right.text))")
        }
    }

    /// The same by another definition: halves, the left of which is the largest power of two that leaves something.
    private static func expected(_ lanes: Range<Int>) -> String {
        guard lanes.count > 1 else { return "\(lanes.lowerBound)" }
        var left = 1
        while 2 * left < lanes.count { left *= 2 }
        let middle = lanes.lowerBound + left
        return "(\(expected(lanes.lowerBound..<middle))+\(expected(middle..<lanes.upperBound)))"
    }

    /// Which of those under way is done next.
    enum Pick: CaseIterable, Sendable {
        case random, oldest, newest
        /// The first lane comes last: all others pile up behind it.
        case firstLast
    }

    /// Carries lanes by imagined threads, one event after another.
    ///
    /// - Returns: the sum, and the most buffers that were in use.
    private static func carry(_ laneCount: Int, threads: Int, _ pick: Pick, seed: UInt64) throws -> (String, Int) {
        struct Work {
            var node: LaneTree.Node
            var value: Term
            /// What is being added, in a buffer of its own until then.
            var sibling: Term?
        }
        let limit = LaneGradients.bufferLimit(laneCount: laneCount, threadCount: threads)
        var random = SplitMix64(seed: seed)
        var sums = LaneSums<Term>(laneCount: laneCount)
        var underWay: [Work] = []
        var (inUse, most, started) = (0, 0, Set<Int>())
        while sums.hasLanes || !underWay.isEmpty {
            let begins = sums.hasLanes && underWay.count < threads && inUse < limit
            if begins, underWay.isEmpty || pick != .random || random.next() % 2 == 0 {
                let (lane, node) = sums.begin()
                #expect(started.insert(lane).inserted)
                underWay.append(Work(node: node, value: .lane(lane)))
                inUse += 1
                most = max(most, inUse)
                continue
            }
            // Whoever waits for a buffer waits for somebody.
            try #require(!underWay.isEmpty)
            let place =
                switch pick {
                case .random: Int(random.next() % UInt64(underWay.count))
                case .oldest: 0
                case .newest: underWay.count - 1
                case .firstLast: underWay.count > 1 && underWay[0].value.first == 0 ? 1 : 0
                }
            var work = underWay.remove(at: place)
            if let sibling = work.sibling {
                work.value = work.value + sibling
                work.sibling = nil
                inUse -= 1
            }
            if let (sibling, sum) = sums.complete(work.node, work.value) {
                underWay.insert(Work(node: sum, value: work.value, sibling: sibling), at: place)
            }
        }
        #expect(started.count == laneCount)
        #expect(most <= limit)
        var (values, nodes) = sums.rest()
        #expect(values.count == inUse)
        for (into, from) in sums.tree.order(nodes).steps { values[into] = values[into] + values[from] }
        return (values[0].text, most)
    }

    @Test(
        "Every lane is summed once, always in the same tree, in a limited number of buffers", arguments: Pick.allCases)
    func anyOrder(_ pick: Pick) throws {
        for laneCount in Array(1...34) + [63, 64, 65, 100, 256] {
            for threads in [1, 2, 3, 4, 9, 16, 64] {
                let seed = UInt64(1000 * laneCount + threads)
                let (text, _) = try Self.carry(laneCount, threads: threads, pick, seed: seed)
                #expect(text == Self.expected(0..<laneCount))
            }
        }
    }

    @Test("Buffers are about one a thread, not one a lane")
    func buffers() throws {
        #expect(LaneGradients.bufferLimit(laneCount: 64, threadCount: 16) == 30)
        #expect(LaneGradients.bufferLimit(laneCount: 64, threadCount: 2) == 9)
        #expect(LaneGradients.bufferLimit(laneCount: 2, threadCount: 64) == 2)
        // Where lanes take equally long, one a thread and the blocks before.
        for threads in [1, 2, 4, 16] {
            let (_, most) = try Self.carry(64, threads: threads, .oldest, seed: 1)
            #expect(most <= threads + 6)
        }
    }

    @Test("Blocks of lanes on several machines come to the same sum", arguments: [1, 2, 3, 4, 7, 8])
    func machines(count: Int) {
        for laneCount in [8, 16, 21, 64, 100] {
            let tree = LaneTree(laneCount: laneCount)
            let shares = (0..<count).map { $0 * laneCount / count..<($0 + 1) * laneCount / count }
            let sums = shares.map { lanes in
                var values = lanes.map(Term.lane)
                let (steps, left) = tree.order(lanes.map(tree.leaf))
                for (into, from) in steps { values[into] = values[into] + values[from] }
                #expect(left.map(\.node) == tree.blocks(lanes))
                return left.map { ($0.node, values[$0.place]) }
            }
            if laneCount.isMultiple(of: count), (laneCount / count).nonzeroBitCount == 1 {
                #expect(sums.allSatisfy { $0.count == 1 })
            }
            // Whoever sums prefers what is its own.
            for own in 0..<count {
                var values = sums.flatMap { $0.map(\.1) }
                let start = sums[..<own].reduce(0) { $0 + $1.count }
                let (steps, left) = tree.order(
                    sums.flatMap { $0.map(\.0) }, preferring: start..<start + sums[own].count)
                for (into, from) in steps { values[into] = values[into] + values[from] }
                #expect(left.count == 1 && (start..<start + sums[own].count).contains(left[0].place))
                #expect(values[left[0].place].text == Self.expected(0..<laneCount))
            }
        }
    }

    @Test("An aligned block of lanes is a subtree, whatever follows", arguments: [16, 21, 64, 100])
    func blocks(laneCount: Int) throws {
        let (text, _) = try Self.carry(laneCount, threads: 3, .random, seed: 7)
        for size in [2, 4, 8] {
            for start in stride(from: 0, through: laneCount - size, by: size) {
                #expect(text.contains(Self.expected(start..<start + size)))
            }
        }
    }
}
