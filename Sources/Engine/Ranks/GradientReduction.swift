import Communication
import Encoder
import Foundation
import Kernels
import Machine
import Optimization

/// The gradients of one step on their way from the lanes of all ranks to the owners of their pieces.
///
/// Part after part (`GradientParts`): as soon as all lanes of this rank are done with one, its threads sum them and pack what
/// others own, between layers of their backward passes; a thread beside them sends it and takes in what others send.
final class GradientReduction: @unchecked Sendable {
    private let group: RankGroup
    private let gradients: LaneGradients
    private let parts: GradientParts
    private let owners: PieceOwners
    private let threadCount: Int
    /// Blocks of lanes that each rank sums by itself.
    private let blocks: [[LaneTree.Node]]
    private let tree: LaneTree
    private let messages: Messages
    /// Pieces that this rank owns, and where each piece begins in its owner's message, in floats of a single block.
    private let mine: [Int]
    private let starts: [Int]
    private let partOf: [Int: Int]

    private let condition = NSCondition()
    /// Lanes that are not yet done with each part.
    private var lanesLeft: [Int]
    /// Parts that each lane under way is done with.
    private var done: [Int: Set<Int>] = [:]
    /// Pieces that all lanes are done with and nobody has begun to sum; a share of each for every thread.
    private var ready: [Int] = []
    private var share = 1
    /// Pieces of each part that are not yet summed and packed.
    private var piecesLeft: [Int]
    private var open: (buffers: [FloatBuffer], steps: [(into: Int, from: Int)], left: [Int])?
    private var isAbandoned = false
    private var failure: (any Error)?
    private var hasFinished = false

    /// Room for messages, kept from step to step.
    final class Messages {
        fileprivate var incoming: [FloatBuffer] = []
        fileprivate var outgoing: [FloatBuffer] = []

        fileprivate func reserve(incoming: [Int], outgoing: [Int]) {
            Self.reserve(&self.incoming, incoming)
            Self.reserve(&self.outgoing, outgoing)
        }

        private static func reserve(_ buffers: inout [FloatBuffer], _ counts: [Int]) {
            if buffers.isEmpty { buffers = counts.map { FloatBuffer(count: $0) } }
            for (index, count) in counts.enumerated() where buffers[index].count < count {
                buffers[index] = FloatBuffer(count: count)
            }
        }
    }

    /// - Parameter lanes: of each rank.
    init(
        _ group: RankGroup, _ gradients: LaneGradients, _ parts: GradientParts, _ owners: PieceOwners,
        laneCount: Int, lanes: [Range<Int>], messages: Messages, threadCount: Int
    ) {
        self.group = group
        self.gradients = gradients
        self.parts = parts
        self.owners = owners
        self.messages = messages
        self.threadCount = threadCount
        tree = LaneTree(laneCount: laneCount)
        blocks = lanes.map { [tree] in tree.blocks($0) }
        let rank = group.rank
        lanesLeft = parts.pieces.map { _ in lanes[rank].count }
        piecesLeft = parts.pieces.map(\.count)
        let places = gradients.pieces.places
        var starts = [Int](repeating: 0, count: places.count)
        var counts = [Int](repeating: 0, count: group.count)
        for piece in parts.pieces.joined() {
            let owner = owners.ranks[piece]
            starts[piece] = counts[owner]
            counts[owner] += places[piece].count
        }
        self.starts = starts
        partOf = Dictionary(
            uniqueKeysWithValues: parts.pieces.enumerated().flatMap { part, pieces in pieces.map { ($0, part) } })
        mine = parts.pieces.joined().filter { owners.ranks[$0] == rank }
        // Rounded numbers take half the room.
        let half = gradients.isRounded ? 2 : 1
        messages.reserve(
            incoming: (0..<group.count).map { $0 == rank ? 0 : (blocks[$0].count * counts[rank] + half - 1) / half },
            outgoing: (0..<group.count).map { $0 == rank ? 0 : (blocks[rank].count * counts[$0] + half - 1) / half })
    }

    private var places: [Range<Int>] { gradients.pieces.places }
    private var bytesPerNumber: Int { gradients.isRounded ? 2 : 4 }

    // MARK: While lanes are under way

    /// Begins to take in what others send.
    func begin() {
        do {
            try StartedThread.start(stackBytes: 8 << 20) {
                ThreadName.set("exchange")
                self.exchange()
            }
        } catch { end(error) }
    }

    /// A lane is done with a layer. Called by the thread that carries it, which may sum a little before it goes on.
    func finish(_ network: NetworkKind, layer: Int, lane: Int) {
        guard let part = parts.part(network, layer: layer) else { return }
        help(finish([part], lane: lane))
    }

    /// A lane is done.
    func finish(lane: Int) { _ = finish(Array(parts.pieces.indices), lane: lane) }

    /// - Returns: how many pieces are a thread's share.
    private func finish(_ some: [Int], lane: Int) -> Int {
        condition.lock()
        defer { condition.unlock() }
        var became = false
        for part in some where done[lane, default: []].insert(part).inserted {
            lanesLeft[part] -= 1
            guard lanesLeft[part] == 0 else { continue }
            ready += parts.pieces[part]
            share = max(1, (parts.pieces[part].count + threadCount - 1) / threadCount)
            became = true
        }
        if became, open == nil {
            // All lanes have begun, so that none is added to another any more once those under way have been.
            let (buffers, nodes) = gradients.open()
            let (steps, left) = tree.order(nodes)
            open = (buffers, steps, left.map(\.place))
        }
        return share
    }

    /// Sums this thread's share of what is ready.
    private func help(_ share: Int) {
        for _ in 0..<share {
            guard let piece = take() else { return }
            sum(piece)
        }
    }

    private func take() -> Int? {
        condition.lock()
        defer { condition.unlock() }
        return ready.isEmpty ? nil : ready.removeFirst()
    }

    /// Sums a piece of this rank's lanes, as far as they go by themselves, and packs it for its owner.
    private func sum(_ piece: Int) {
        Profile.phase("exchange") {
            guard let open else { preconditionFailure("a piece was summed before lanes were done with it") }
            let place = places[piece]
            for (into, from) in open.steps {
                Kernels.moveGradients(
                    open.buffers[from].base + place.lowerBound, into: open.buffers[into].base + place.lowerBound,
                    count: place.count, rounded: gradients.isRounded)
            }
            let owner = owners.ranks[piece]
            if owner != group.rank {
                for (index, block) in open.left.enumerated() {
                    let source = open.buffers[block].base + place.lowerBound
                    let start = starts[piece] * open.left.count + index * place.count
                    let target = UnsafeMutableRawPointer(messages.outgoing[owner].base)
                    if gradients.isRounded {
                        Kernels.packBFloat16(
                            source, into: target.assumingMemoryBound(to: UInt16.self) + start, count: place.count)
                    } else {
                        (target.assumingMemoryBound(to: Float.self) + start).update(from: source, count: place.count)
                    }
                    source.update(repeating: 0, count: place.count)
                }
            }
        }
        condition.lock()
        let part = partOf[piece]!
        piecesLeft[part] -= 1
        if piecesLeft[part] == 0 { condition.broadcast() }
        condition.unlock()
    }

    // MARK: The thread beside

    /// Where a part's pieces are in a message of a number of blocks.
    private func place(_ part: Int, owner: Int, blocks: Int) -> Range<Int> {
        let own = parts.pieces[part].filter { owners.ranks[$0] == owner }
        guard let first = own.first, let last = own.last else { return 0..<0 }
        let (start, end) = (starts[first] * blocks, (starts[last] + places[last].count) * blocks)
        return bytesPerNumber * start..<bytesPerNumber * end
    }

    private func exchange() {
        var failure: (any Error)?
        do { try exchangeAll() } catch { failure = error }
        end(failure)
    }

    private func end(_ failure: (any Error)?) {
        condition.lock()
        self.failure = failure
        hasFinished = true
        condition.broadcast()
        condition.unlock()
    }

    private func exchangeAll() throws {
        let rank = group.rank
        var waiting: [RankGroup.Message] = []
        var isComplete = false
        defer {
            if !isComplete {
                group.cancel(waiting)
                // What is still being sent is read until the run ends.
                _ = Unmanaged.passRetained(messages)
            }
        }
        for part in parts.pieces.indices {
            for other in 0..<group.count where other != rank {
                let bytes = place(part, owner: rank, blocks: blocks[other].count)
                let base = UnsafeMutableRawPointer(messages.incoming[other].base) + bytes.lowerBound
                waiting += try group.receive(
                    UnsafeMutableRawBufferPointer(start: base, count: bytes.count), from: other, .gradients)
            }
        }
        // Others expect parts in their order.
        var next = 0
        while next < parts.pieces.count {
            condition.lock()
            // Whoever packs a part's last piece wakes it; meanwhile it looks now and then after what others send, and leaves the
            // processor to those who compute.
            if piecesLeft[next] > 0, !isAbandoned { _ = condition.wait(until: Date(timeIntervalSinceNow: 0.001)) }
            let (isReady, isAbandoned) = (piecesLeft[next] == 0, isAbandoned)
            condition.unlock()
            if isAbandoned { return }
            guard isReady else {
                try group.progress(&waiting)
                continue
            }
            for other in 0..<group.count where other != rank {
                let bytes = place(next, owner: other, blocks: blocks[rank].count)
                let base = UnsafeRawPointer(messages.outgoing[other].base) + bytes.lowerBound
                waiting += try group.send(
                    UnsafeRawBufferPointer(start: base, count: bytes.count), to: other, .gradients)
            }
            next += 1
        }
        let last = waiting
        waiting = []
        try group.wait(last, for: "gradients")
        isComplete = true
    }

    // MARK: Once lanes are done

    /// Ends what cannot be completed, as a lane was broken off.
    func abandon() {
        condition.lock()
        isAbandoned = true
        condition.broadcast()
        while !hasFinished { condition.wait() }
        condition.unlock()
    }

    /// Sums what is left: the gradients' `sum` then holds the sums of the pieces that this rank owns, and zeros.
    ///
    /// - Returns: Σ x² of these pieces, by piece.
    /// - Throws: `RankAlarm`, `CommunicationError`; gradients then mean nothing.
    func complete(_ pool: ThreadPool) throws -> [Int: Double] {
        let waiting = ready
        ready = []
        pool.run(waiting.count) { task, _ in self.sum(waiting[task]) }
        Profile.span("waiting for gradients") {
            condition.lock()
            while !hasFinished { condition.wait() }
            condition.unlock()
        }
        if let failure { throw failure }
        let buffers = gradients.settle().buffers
        let rank = group.rank
        guard let left = open?.left else { preconditionFailure("lanes were not carried") }
        let before = blocks[..<rank].reduce(0) { $0 + $1.count }
        let total = blocks.reduce(0) { $0 + $1.count }
        // The kernel leaves the sum in the first source: that of this rank.
        let moved = (0..<total).map { $0 == before ? 0 : $0 < before ? $0 + 1 : $0 }
        let sums = tree.order(blocks.flatMap { $0 }, preferring: before..<before + left.count)
        precondition(sums.left.count == 1, "the blocks of all ranks are not all lanes")
        let order = sums.steps.map { (into: moved[$0.into], from: moved[$0.from]) }
        let squares = TaskResults<Double>(count: mine.count)
        pool.run(mine.count) { [self] task, _ in
            let piece = mine[task]
            let place = places[piece]
            // Rounded numbers have to be unpacked somewhere.
            let room =
                gradients.isRounded ? UnsafeMutablePointer<Float>.allocate(capacity: total * place.count) : nil
            defer { room?.deallocate() }
            var sources = [buffers[left[0]].base + place.lowerBound]
            for (other, theirs) in blocks.enumerated() {
                for block in theirs.indices {
                    if other == rank {
                        if block > 0 { sources.append(buffers[left[block]].base + place.lowerBound) }
                        continue
                    }
                    let start = starts[piece] * theirs.count + block * place.count
                    let base = UnsafeMutableRawPointer(messages.incoming[other].base)
                    if let room {
                        let target = room + sources.count * place.count
                        Kernels.unpackBFloat16(
                            base.assumingMemoryBound(to: UInt16.self) + start, into: target, count: place.count)
                        sources.append(target)
                    } else {
                        sources.append(base.assumingMemoryBound(to: Float.self) + start)
                    }
                }
            }
            squares[task] = Kernels.mergeGradients(
                sources, order: order, count: place.count, rounded: gradients.isRounded)
        }
        return Dictionary(uniqueKeysWithValues: mine.enumerated().map { ($1, squares[$0]!) })
    }
}
