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
    private let layout: ParameterLayout
    /// Whether a backward pass is done with a layer when it has passed it once.
    private let isDoneByLayer: Bool
    private let messages = GradientReduction.Messages()
    /// Room for what ranks own of the weights, kept from step to step.
    private var packed: [Int: FloatBuffer] = [:]
    /// By the optimizers that have gradients; the same in every step.
    private var parts: [Range<Int>: GradientParts] = [:]
    private var stopwatch: RankStopwatch

    /// - Parameters:
    ///   - isDoneByLayer: whether a backward pass is done with a layer when it has passed it once.
    ///   - isFrozen: whether a tensor, by name, stays as it is.
    init(
        _ group: RankGroup, _ layout: ParameterLayout, _ pieces: GradientPieces, kind: OptimizerKind, pool: ThreadPool,
        isDoneByLayer: Bool, isFrozen: (String) -> Bool
    ) {
        self.group = group
        stopwatch = RankStopwatch(group)
        self.layout = layout
        self.isDoneByLayer = isDoneByLayer
        self.pool = pool
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
        .share(rank ?? group.rank, of: group.count, count: laneCount)
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
        stopwatch.start(group)
    }

    /// Ends a step: what comes before the next one is not of it.
    func end() { stopwatch.pause(group) }

    /// How this rank has spent its steps since it was asked last, and what it has sent: this step so far, and the exchange of
    /// weights after the one before.
    func timing() -> RankTiming { stopwatch.timing(group) }

    // MARK: Gradients

    /// Begins to exchange gradients of lanes that are about to be carried.
    ///
    /// - Parameter members: which of two optimizers have gradients.
    func reduction(_ gradients: LaneGradients, laneCount: Int, members: Range<Int>?) -> GradientReduction {
        let key = members ?? moving.indices
        let parts =
            self.parts[key] ?? GradientParts(pieces, moved(by: members), layout, isDoneByLayer: isDoneByLayer)
        self.parts[key] = parts
        let reduction = GradientReduction(
            group, gradients, parts, owners, laneCount: laneCount,
            lanes: (0..<group.count).map { lanes(of: laneCount, rank: $0) },
            messages: messages, threadCount: pool.threadCount)
        reduction.begin()
        return reduction
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

    /// Pieces whose weights some optimizers move.
    private func movedWeights(_ members: Range<Int>?) -> [Int] {
        var moved = Set(moved(by: members)).subtracting(derived)
        for member in members ?? moving.indices { moved.formUnion(alsoMoved[member]) }
        return moved.sorted()
    }

    /// Gives everybody the weights that this rank has moved.
    ///
    /// - Parameter members: which of two optimizers have moved.
    func share(_ weights: FloatBuffer, members: Range<Int>?) throws {
        try exchange(
            [weights], movedWeights(members), from: Array(0..<group.count), to: Array(0..<group.count), .weights,
            "weights")
    }

    /// Gives everybody, rounded, what the weights of this rank's pieces have moved by, and rounds it here too.
    ///
    /// - Parameter before: the weights as they were.
    func shareRounded(_ weights: FloatBuffer, before: FloatBuffer, members: Range<Int>?) throws {
        let all = movedWeights(members)
        let theirs = (0..<group.count).map { other in all.filter { owners.ranks[$0] == other } }
        // Two numbers in the room of one.
        let packed = theirs.enumerated().map { room(for: $0, (count($1) + 1) / 2) }
        func halves(_ buffer: FloatBuffer) -> HalfNumbers { HalfNumbers(UnsafeMutableRawPointer(buffer.base)) }
        let own = halves(packed[group.rank])
        copy(theirs[group.rank]) { place, start in
            Kernels.roundUpdate(
                weights.base + place.lowerBound, before: before.base + place.lowerBound, count: place.count,
                packed: own.base + start)
        }
        var messages: [RankGroup.Message] = []
        for other in 0..<group.count where other != group.rank {
            messages += try group.receive(
                UnsafeMutableRawBufferPointer(start: packed[other].base, count: 2 * count(theirs[other])), from: other,
                .weights)
            messages += try group.send(
                UnsafeRawBufferPointer(start: packed[group.rank].base, count: 2 * count(theirs[group.rank])), to: other,
                .weights)
        }
        try group.wait(messages, for: "weights")
        for other in 0..<group.count where other != group.rank {
            let steps = halves(packed[other])
            copy(theirs[other]) { place, start in
                Kernels.applyUpdate(steps.base + start, to: weights.base + place.lowerBound, count: place.count)
            }
        }
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
                    let packed = pack(buffer, all[other], into: FloatBuffer(count: count(all[other])))
                    do {
                        try group.wait(
                            try group.send(UnsafeRawBufferPointer(packed.bytes), to: other, .state),
                            for: "the optimizer's state")
                    } catch {
                        // What is still being sent is read until the run ends.
                        _ = Unmanaged.passRetained(packed)
                        throw error
                    }
                }
            } else {
                let own = all[group.rank]
                let packed = FloatBuffer(count: count(own))
                try group.wait(
                    try group.receive(packed.bytes, from: 0, .state), for: "the optimizer's state")
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
                    let packed = room(for: other, count(theirs))
                    received.append((theirs, packed))
                    messages += try group.receive(packed.bytes(0..<count(theirs)), from: other, kind)
                }
            }
            if senders.contains(rank) {
                let own = all.filter { owners.ranks[$0] == rank }
                let packed = pack(buffer, own, into: room(for: rank, count(own)))
                for other in receivers where other != rank {
                    messages += try group.send(UnsafeRawBufferPointer(packed.bytes(0..<count(own))), to: other, kind)
                }
            }
            try group.wait(messages, for: what)
            for (theirs, packed) in received { unpack(packed, theirs, into: buffer) }
        }
    }

    private func count(_ some: [Int]) -> Int { some.reduce(0) { $0 + pieces.places[$1].count } }

    /// Room for numbers that a rank owns, for one exchange.
    private func room(for rank: Int, _ count: Int) -> FloatBuffer {
        if let buffer = packed[rank], buffer.count >= count { return buffer }
        let buffer = FloatBuffer(count: count)
        packed[rank] = buffer
        return buffer
    }

    private func pack(_ buffer: FloatBuffer, _ some: [Int], into packed: FloatBuffer) -> FloatBuffer {
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
}

/// Numbers of half the size in a buffer, for tasks that each have a part of it.
private struct HalfNumbers: @unchecked Sendable {
    let base: UnsafeMutablePointer<UInt16>

    init(_ start: UnsafeMutableRawPointer) { base = start.assumingMemoryBound(to: UInt16.self) }
}
