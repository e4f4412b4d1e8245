import Kernels

/// How threads divide one long chunk.
///
/// Everything but attention works on single rows, so rows are divided into slices, and lanes of consecutive slices have a
/// gradient buffer each, as lanes of sequences do. Attention is divided into units that write rows, or memory, of their
/// own. Slices, lanes and units follow from the chunk and the configuration alone, and whatever is summed is summed in
/// their order, or as their tree: the same bits for any number of threads.
public final class SliceTeam: @unchecked Sendable {
    let pool: ThreadPool
    /// Rows of every slice, lane by lane.
    let lanes: [[ChunkGeometry]]
    let rows: [Range<Int>]
    /// Of every lane; empty when nothing is learned.
    let gradients: [UnsafeMutablePointer<Float>]
    /// Of every worker.
    let scratch: [UnsafeMutablePointer<Float>]
    let memory: UnitMemory

    /// - Parameters:
    ///   - chunk: what is divided.
    ///   - sliceTokens: most rows of a slice, at least one tile of queries.
    ///   - laneCount: how many threads can take part at most.
    public init(
        _ chunk: ChunkGeometry, sliceTokens: Int, laneCount: Int, pool: ThreadPool,
        gradients: [UnsafeMutablePointer<Float>], scratch: [UnsafeMutablePointer<Float>], memory: UnitMemory
    ) {
        self.pool = pool
        self.gradients = gradients
        self.scratch = scratch
        self.memory = memory
        rows = Self.slices(tokens: chunk.tokenCount, sliceTokens: sliceTokens, laneCount: laneCount)
        let geometries = rows.map { ChunkGeometry($0, of: chunk) }
        let count = geometries.count
        lanes = (0..<laneCount).map { lane in
            Array(geometries[lane * count / laneCount..<(lane + 1) * count / laneCount])
        }
    }

    /// Whole tiles of queries, evenly, and the same number for every lane where there are enough.
    static func slices(tokens: Int, sliceTokens: Int, laneCount: Int) -> [Range<Int>] {
        let tile = AttentionBlocks.rowCount
        let tiles = (tokens + tile - 1) / tile
        let perSlice = max(1, sliceTokens / tile)
        var count = (tiles + perSlice - 1) / perSlice
        if tiles >= laneCount { count = (count + laneCount - 1) / laneCount * laneCount }
        count = min(count, tiles)
        return (0..<count).map {
            $0 * tiles / count * tile..<min(tokens, ($0 + 1) * tiles / count * tile)
        }
    }

    /// Nil where the pass learns nothing, though the step does.
    private func gradient(of lane: Int, _ pass: LanePass) -> UnsafeMutablePointer<Float>? {
        pass.gradients == nil ? nil : gradients[lane]
    }

    func run(_ pass: LanePass, _ body: @escaping @Sendable (_ slice: LanePass) -> Void) {
        let first = pass.chunk.firstRow
        pool.run(lanes.count) { [self] lane, worker in
            for slice in lanes[lane] {
                body(
                    pass.part(
                        slice, rowOffset: slice.firstRow - first, gradients: gradient(of: lane, pass),
                        scratch: scratch[worker]))
            }
        }
    }

    func runUnits(_ count: Int, _ pass: LanePass, _ body: @escaping @Sendable (_ unit: Int, _ pass: LanePass) -> Void) {
        let laneCount = lanes.count
        pool.run(laneCount) { [self] lane, worker in
            let part = pass.part(
                pass.chunk, rowOffset: 0, gradients: gradient(of: lane, pass), scratch: scratch[worker])
            for unit in lane * count / laneCount..<(lane + 1) * count / laneCount { body(unit, part) }
        }
    }
}

extension LanePass {
    /// Whether threads divide the pass.
    var isDivided: Bool { team != nil }

    /// Slices of the chunk's rows; one of all rows where a thread carries it.
    var sliceRows: [Range<Int>] { team?.rows ?? [0..<rows] }

    /// Work on single rows, for every slice of a chunk that threads divide, or at once for all of it.
    public func forEachSlice(_ body: @escaping @Sendable (_ slice: LanePass) -> Void) {
        if let team { team.run(self, body) } else { body(self) }
    }

    /// The same with results, in the order of rows.
    public func mapSlices<Value: Sendable>(_ body: @escaping @Sendable (_ slice: LanePass) -> Value) -> [Value] {
        guard let team else { return [body(self)] }
        let results = TaskResults<Value>(count: team.rows.count)
        let indices = Dictionary(uniqueKeysWithValues: team.rows.enumerated().map { ($1.lowerBound, $0) })
        team.run(self) { slice in results[indices[slice.rowOffset]!] = body(slice) }
        return team.rows.indices.map { results[$0]! }
    }

    /// Units of work in attention, by all threads where they divide the pass.
    func forEachUnit(_ count: Int, _ body: @escaping @Sendable (_ unit: Int, _ pass: LanePass) -> Void) {
        if let team {
            team.runUnits(count, self, body)
        } else {
            for unit in 0..<count { body(unit, self) }
        }
    }

    /// The pass's part of what has an element for every row of the chunk.
    public func part(_ tokens: UnsafeBufferPointer<Int32>) -> UnsafeBufferPointer<Int32> {
        UnsafeBufferPointer(rebasing: tokens[rowOffset..<rowOffset + rows])
    }
}
