import Communication
import Encoder
import Kernels
import Optimization

/// What the ranks of a run exchange: parts of the sums of gradients, weights that have moved, moments for a checkpoint.
///
/// A rank carries a block of the batch's lanes. Each piece of the gradients is summed by its owner, from what every rank has
/// summed of its own lanes, in the order of `LaneTree`: the bits are those of one machine. The owner keeps the piece's moments,
/// moves its weights and sends them to the others.
final class StepExchange {
    let group: RankGroup
    let owners: PieceOwners
    private let pieces: GradientPieces
    /// Pieces whose weights ever move, by optimizer; others are not sent.
    private let moving: [[Int]]
    /// Pieces whose weights an optimizer moves beside its own: what both networks share.
    private let alsoMoved: [[Int]]
    private let pool: ThreadPool
    private var incoming: [FloatBuffer] = []
    private var outgoing: [FloatBuffer] = []
    private var startedAt = ContinuousClock.now
    private var waitedBefore = 0.0

    /// - Parameter isFrozen: whether a tensor, by name, stays as it is.
    init(
        _ group: RankGroup, _ layout: ParameterLayout, kind: OptimizerKind, pool: ThreadPool,
        isFrozen: (String) -> Bool
    ) {
        self.group = group
        self.pool = pool
        let pieces = GradientPieces(layout)
        self.pieces = pieces
        owners = PieceOwners(pieces, layout, kind: kind, rankCount: group.count)
        let frozen = layout.momentSpecs.filter { isFrozen($0.name) }.map { $0.offset..<$0.offset + $0.count }
        moving = pieces.ofOptimizer.map { own in
            own.filter { piece in
                let place = pieces.places[piece]
                return !frozen.contains { $0.lowerBound <= place.lowerBound && $0.upperBound >= place.upperBound }
            }
        }
        let bases = layout.twins.map { $0.weights.offset..<$0.weights.offset + $0.weights.rows * $0.weights.columns }
        let shared = pieces.places.indices.filter { piece in
            bases.contains { $0.contains(pieces.places[piece].lowerBound) }
        }
        alsoMoved = pieces.ofOptimizer.indices.map { $0 == 0 ? [] : shared }
        derived = Set(
            layout.derived.flatMap { tensor in
                let place = tensor.slot.offset..<tensor.slot.offset + tensor.slot.rows * tensor.slot.columns
                return pieces.places.indices.filter { place.contains(pieces.places[$0].lowerBound) }
            })
    }

    /// Pieces of derived tensors, which have gradients and moments but no weights of their own.
    private let derived: Set<Int>

    /// The lanes that a rank carries.
    func lanes(of laneCount: Int, rank: Int? = nil) -> Range<Int> {
        let rank = rank ?? group.rank
        return rank * laneCount / group.count..<(rank + 1) * laneCount / group.count
    }

    /// Whether this rank moves what begins at a place of the buffer.
    func owns(_ start: Int) -> Bool {
        // The last piece that does not begin behind it.
        var (low, high) = (0, pieces.places.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if pieces.places[middle].lowerBound <= start { low = middle } else { high = middle }
        }
        return owners.ranks[low] == group.rank
    }

    /// Pieces that some optimizers have gradients of.
    private func moved(by members: Range<Int>?) -> [Int] { moving[members ?? moving.indices].flatMap { $0 } }

    /// Begins a step: what ranks exchange from here on is of this one.
    func begin(step: Int) {
        group.step = step
        (startedAt, waitedBefore) = (.now, group.waitedSeconds)
    }

    /// How this rank has spent the step so far.
    var timing: RankTiming {
        let waited = group.waitedSeconds - waitedBefore
        return RankTiming(computing: startedAt.duration(to: .now) / .seconds(1) - waited, waiting: waited)
    }

    // MARK: Gradients

    /// Sums the gradients of all ranks: `gradients.sum` then holds the sums of the pieces that this rank owns, and zeros.
    ///
    /// - Parameter members: which of two optimizers have gradients.
    /// - Returns: Σ x² of these pieces, by piece.
    /// - Throws: `RankAlarm`, `CommunicationError`; gradients then mean nothing.
    func reduce(_ gradients: LaneGradients, laneCount: Int, members: Range<Int>?) throws -> [Int: Double] {
        let (buffers, nodes, tree) = gradients.settle()
        let (steps, left) = tree.order(nodes)
        let blocks = (0..<group.count).map { tree.blocks(lanes(of: laneCount, rank: $0)) }
        let rank = group.rank
        let (pieces, owners) = (pieces, owners)
        let all = moved(by: members)
        let places = (0..<group.count).map { other in all.filter { owners.ranks[$0] == other } }
        let mine = places[rank]

        // What others send of mine: piece after piece, of each all blocks of the sender.
        let counts = places.map { $0.reduce(0) { $0 + pieces.places[$1].count } }
        Self.reserve(&incoming, (0..<group.count).map { $0 == rank ? 0 : blocks[$0].count * counts[rank] })
        Self.reserve(&outgoing, (0..<group.count).map { $0 == rank ? 0 : left.count * counts[$0] })
        var messages: [RankGroup.Message] = []
        for other in 0..<group.count where other != rank {
            messages += try group.receive(
                bytes(incoming[other], blocks[other].count * counts[rank]), from: other, .gradients)
        }
        // Where each piece begins in its owner's message, in floats of a single block.
        var starts: [Int: Int] = [:]
        for own in places {
            var start = 0
            for piece in own {
                starts[piece] = start
                start += pieces.places[piece].count
            }
        }
        let (outgoing, incoming) = (outgoing, incoming)
        let offsets = starts
        pool.run(all.count) { task, _ in
            let piece = all[task]
            let place = pieces.places[piece]
            for (into, from) in steps {
                Kernels.moveGradients(
                    buffers[from].base + place.lowerBound, into: buffers[into].base + place.lowerBound,
                    count: place.count)
            }
            let owner = owners.ranks[piece]
            guard owner != rank else { return }
            var target = outgoing[owner].base + offsets[piece]! * left.count
            for block in left {
                let source = buffers[block.place].base + place.lowerBound
                target.update(from: source, count: place.count)
                source.update(repeating: 0, count: place.count)
                target += place.count
            }
        }
        for other in 0..<group.count where other != rank {
            messages += try group.send(
                UnsafeRawBufferPointer(bytes(outgoing[other], left.count * counts[other])), to: other, .gradients)
        }
        try group.wait(messages, for: "gradients")

        let before = blocks[..<rank].reduce(0) { $0 + $1.count }
        var order = tree.order(blocks.flatMap { $0 }, preferring: before..<before + left.count).steps
        // The kernel leaves the sum in the first source.
        let total = blocks.reduce(0) { $0 + $1.count }
        let moved = (0..<total).map { $0 == before ? 0 : $0 < before ? $0 + 1 : $0 }
        order = order.map { (moved[$0.into], moved[$0.from]) }
        let squares = TaskResults<Double>(count: mine.count)
        let steady = order
        pool.run(mine.count) { task, _ in
            let piece = mine[task]
            let place = pieces.places[piece]
            var sources = [buffers[left[0].place].base + place.lowerBound]
            for (other, theirs) in blocks.enumerated() {
                for block in theirs.indices {
                    if other == rank {
                        if block > 0 { sources.append(buffers[left[block].place].base + place.lowerBound) }
                    } else {
                        sources.append(
                            incoming[other].base + offsets[piece]! * theirs.count + block * place.count)
                    }
                }
            }
            squares[task] = Kernels.mergeGradients(sources, order: steady, count: place.count)
        }
        return Dictionary(uniqueKeysWithValues: mine.enumerated().map { ($1, squares[$0]!) })
    }

    /// Clears what others own of a buffer.
    func clearOthers(_ buffer: FloatBuffer) {
        let others = pieces.places.indices.filter { owners.ranks[$0] != group.rank }
        for piece in others {
            let place = pieces.places[piece]
            (buffer.base + place.lowerBound).update(repeating: 0, count: place.count)
        }
    }

    /// The sums of squares of all pieces, from those of every rank's own.
    func squares(_ all: [[Int: Double]]) -> [Double] {
        pieces.places.indices.map { all[owners.ranks[$0]][$0] ?? 0 }
    }

    // MARK: Weights

    /// Gives everybody the weights that this rank has moved.
    ///
    /// - Parameter members: which of two optimizers have moved.
    func share(_ weights: FloatBuffer, members: Range<Int>?) throws {
        var moved = Set(self.moved(by: members)).subtracting(derived)
        for member in members ?? moving.indices { moved.formUnion(alsoMoved[member]) }
        try exchange(
            [weights], moved.sorted(), from: Array(0..<group.count), to: Array(0..<group.count), .weights, "weights")
    }

    // MARK: What checkpoints hold

    /// Gives the first rank what the others own of some buffers.
    func gather(_ buffers: [FloatBuffer]) throws {
        try exchange(
            buffers, Array(pieces.places.indices), from: Array(1..<group.count), to: [0], .state,
            "the optimizer's state")
    }

    /// Gives every rank what it owns of some buffers of the first.
    func scatter(_ buffers: [FloatBuffer]) throws {
        for buffer in buffers {
            let all = (0..<group.count).map { owners.pieces(of: $0) }
            if group.leads {
                for other in 1..<group.count {
                    let packed = pack(buffer, all[other])
                    try group.wait(
                        try group.send(UnsafeRawBufferPointer(bytes(packed, packed.count)), to: other, .state),
                        for: "the optimizer's state")
                }
            } else {
                let own = all[group.rank]
                let packed = FloatBuffer(count: count(own))
                try group.wait(
                    try group.receive(bytes(packed, packed.count), from: 0, .state), for: "the optimizer's state")
                unpack(packed, own, into: buffer)
            }
        }
    }

    /// Owners among `senders` send what they own of some pieces to all of `receivers`.
    private func exchange(
        _ buffers: [FloatBuffer], _ all: [Int], from senders: [Int], to receivers: [Int], _ kind: MessageKind,
        _ what: String
    ) throws {
        let rank = group.rank
        for buffer in buffers {
            var messages: [RankGroup.Message] = []
            var received: [(pieces: [Int], buffer: FloatBuffer)] = []
            if receivers.contains(rank) {
                for other in senders where other != rank {
                    let theirs = all.filter { owners.ranks[$0] == other }
                    let packed = FloatBuffer(count: count(theirs))
                    received.append((theirs, packed))
                    messages += try group.receive(bytes(packed, packed.count), from: other, kind)
                }
            }
            var own: FloatBuffer?
            if senders.contains(rank) {
                let packed = pack(buffer, all.filter { owners.ranks[$0] == rank })
                own = packed
                for other in receivers where other != rank {
                    messages += try group.send(UnsafeRawBufferPointer(bytes(packed, packed.count)), to: other, kind)
                }
            }
            try group.wait(messages, for: what)
            withExtendedLifetime(own) {}
            for (theirs, packed) in received { unpack(packed, theirs, into: buffer) }
        }
    }

    private func count(_ some: [Int]) -> Int { some.reduce(0) { $0 + pieces.places[$1].count } }

    private func pack(_ buffer: FloatBuffer, _ some: [Int]) -> FloatBuffer {
        let packed = FloatBuffer(count: count(some))
        copy(some) { place, start in
            (packed.base + start).update(from: buffer.base + place.lowerBound, count: place.count)
        }
        return packed
    }

    private func unpack(_ packed: FloatBuffer, _ some: [Int], into buffer: FloatBuffer) {
        copy(some) { place, start in
            (buffer.base + place.lowerBound).update(from: packed.base + start, count: place.count)
        }
    }

    /// - Parameter body: gets a piece's place, and where it begins among all of them.
    private func copy(_ some: [Int], _ body: @escaping @Sendable (Range<Int>, Int) -> Void) {
        var starts: [Int] = []
        var start = 0
        for piece in some {
            starts.append(start)
            start += pieces.places[piece].count
        }
        let (pieces, places) = (pieces, starts)
        pool.run(some.count) { task, _ in body(pieces.places[some[task]], places[task]) }
    }

    private func bytes(_ buffer: FloatBuffer, _ count: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: buffer.base, count: 4 * count)
    }

    /// Room for messages, kept from step to step.
    private static func reserve(_ buffers: inout [FloatBuffer], _ counts: [Int]) {
        if buffers.isEmpty { buffers = counts.map { FloatBuffer(count: $0) } }
        for (index, count) in counts.enumerated() where buffers[index].count < count {
            buffers[index] = FloatBuffer(count: count)
        }
    }
}
