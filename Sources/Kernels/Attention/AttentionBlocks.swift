/// Which scores of a chunk's attention exist: tiles of queries against ranges of keys.
///
/// Patterns resolve into this once per chunk; the kernels know nothing else of them. Work and memory are proportional to
/// what is listed. Built with `AttentionBlocksBuilder`.
public struct AttentionBlocks: Sendable {
    /// Rows of a chunk: `first`, `first + step`, …, or a list of them.
    public struct Rows: Sendable, Equatable {
        public var first: Int
        public var step: Int
        public var count: Int
        /// Where the list begins in `indices`; −1 for evenly spaced rows.
        public var list: Int

        public init(first: Int, step: Int = 1, count: Int) {
            self.first = first
            self.step = step
            self.count = count
            list = -1
        }

        init(list: Int, count: Int) {
            first = 0
            step = 0
            self.count = count
            self.list = list
        }
    }

    /// What of a range of keys a query sees, by the distance between their rows.
    public enum Mask: Sendable, Equatable {
        /// All of it.
        case all
        /// Keys at most `halfWidth · step` rows away; the range's rows are `step` apart, like the queries'.
        case within(halfWidth: Int)
        /// All but the keys that a window of these measures shows already.
        case beyond(halfWidth: Int, step: Int)
    }

    /// Consecutive keys of a bundle.
    struct KeyRange: Sendable {
        /// Of the first key in the bundle; a multiple of 16.
        var offset: Int
        var count: Int
        /// Of the first key in the tile of scores; a multiple of 16.
        var column: Int
        var mask: Mask
        /// Row of the chunk of the first key, and from one key to the next; of a list, where it begins.
        var firstRow: Int
        var step: Int
        var list: Int
        /// The first key's column in the dropout stream; a multiple of 8.
        var dropoutColumn: Int

        @inline(__always)
        func row(_ index: Int, _ indices: [Int32]) -> Int {
            list < 0 ? firstRow &+ index &* step : Int(indices[list &+ index])
        }
    }

    /// Ranges whose scores are exponentiated together.
    struct Panel: Sendable {
        var ranges: Range<Int>
        /// Including what fills up ranges to multiples of 16.
        var columns: Int
    }

    /// At most `rowCount` queries that share their ranges of keys.
    struct Tile: Sendable {
        var rows: Rows
        var panels: Range<Int>
    }

    /// Keys that are packed together, and the tiles that use them.
    struct Bundle: Sendable {
        var heads: Range<Int>
        var sources: Range<Int>
        /// Keys, with what fills up sources to multiples of 16.
        var keyCount: Int
        var tiles: Range<Int>
        /// Whether its queries are global ones; others leave the rows of `isGlobal` out.
        var isOfGlobalQueries: Bool
    }

    /// Bundles that one thread computes, and the rows whose keys they read: at length, a unit of work adds its keys'
    /// gradients to memory of its own, which is summed in the order of units.
    public struct Unit: Sendable, Equatable {
        public var bundles: Range<Int>
        public var heads: Range<Int>
        public var keyRows: Range<Int>
        /// Places of listed keys.
        public var listed: Range<Int>
    }

    /// A document with global tokens.
    public struct GlobalDocument: Sendable, Equatable {
        /// Of the chunk.
        public var rows: Range<Int>
        /// Of its global tokens among those of the chunk.
        public var places: Range<Int>
    }

    struct Source: Sendable {
        var rows: Rows
        var offset: Int
    }

    /// Queries of a tile, at most.
    public static let rowCount = 96
    /// Columns of a tile of scores, at most; two tiles stay in the second-level cache.
    public static let columnCount = 704

    var indices: [Int32] = []
    var sources: [Source] = []
    var ranges: [KeyRange] = []
    var panels: [Panel] = []
    var tiles: [Tile] = []
    var bundles: [Bundle] = []
    public internal(set) var units: [Unit] = []
    /// The rows of global queries, in the order in which bundles list them.
    public internal(set) var globalRows: [Int] = []
    /// For every row of the chunk, whether its query is in a bundle of global queries; empty if there are none.
    public internal(set) var isGlobal: [Bool] = []
    /// Documents whose global queries no bundle computes, if that is done otherwise.
    public internal(set) var globalDocuments: [GlobalDocument] = []
    /// The most keys of a bundle and columns of a panel, with filling.
    var maximumKeys = 0
    var maximumColumns = 0

    public func isOfGlobalQueries(bundle: Int) -> Bool { bundles[bundle].isOfGlobalQueries }

    /// Scores of all heads that tiles of whole ranges come to: what work and memory are proportional to.
    public var scoreCount: Int {
        bundles.reduce(0) { sum, bundle in
            sum + bundle.heads.count
                * tiles[bundle.tiles].reduce(0) { sum, tile in
                    sum + tile.rows.count * panels[tile.panels].reduce(0) { $0 + $1.columns }
                }
        }
    }

    /// Every segment sees all of itself.
    ///
    /// - Parameter segments: start of every segment, and the number of tokens.
    public static func full(segments: [Int], headCount: Int) -> AttentionBlocks {
        var builder = AttentionBlocksBuilder()
        for (start, end) in zip(segments, segments.dropFirst()) {
            let rows = Rows(first: start, count: end - start)
            builder.beginBundle(heads: 0..<headCount, sources: [(rows, dropoutColumn: 0)])
            for tile in AttentionBlocksBuilder.tiles(of: rows) {
                builder.addTile(rows: tile, keys: [.init(source: 0, start: 0, count: rows.count)])
            }
        }
        builder.endUnit(from: 0)
        return builder.finished()
    }

    static func padded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
}

/// Lists blocks, dividing long ranges of keys into panels.
public struct AttentionBlocksBuilder {
    /// Part of a source that the queries of a tile see.
    public struct Keys {
        public var source: Int
        /// Of the first key within its source; a multiple of 16.
        public var start: Int
        public var count: Int
        public var mask: AttentionBlocks.Mask

        public init(source: Int, start: Int, count: Int, mask: AttentionBlocks.Mask = .all) {
            self.source = source
            self.start = start
            self.count = count
            self.mask = mask
        }
    }

    private var blocks = AttentionBlocks()
    private var sources: [(rows: AttentionBlocks.Rows, dropoutColumn: Int, offset: Int)] = []

    public init() {}

    /// Rows that are not evenly spaced, ascending. Keys' gradients of a unit may be kept by their places in all lists
    /// together, so lists of keys come first, in the order of `setGlobal`.
    public mutating func list(_ rows: [Int]) -> AttentionBlocks.Rows {
        let start = blocks.indices.count
        blocks.indices.append(contentsOf: rows.map { Int32($0) })
        return AttentionBlocks.Rows(list: start, count: rows.count)
    }

    /// Marks the rows whose queries bundles of global queries compute.
    public mutating func setGlobal(_ rows: [Int], of rowCount: Int) {
        blocks.globalRows = rows
        guard !rows.isEmpty else { return }
        blocks.isGlobal = [Bool](repeating: false, count: rowCount)
        for row in rows { blocks.isGlobal[row] = true }
    }

    /// Notes a document whose global queries are computed without bundles.
    ///
    /// - Parameter count: of its global tokens, which follow those of earlier documents.
    public mutating func addGlobalDocument(_ rows: Range<Int>, count: Int) {
        let first = blocks.globalDocuments.last?.places.upperBound ?? 0
        blocks.globalDocuments.append(.init(rows: rows, places: first..<first + count))
    }

    public var bundleCount: Int { blocks.bundles.count }

    /// Makes one unit of the bundles from `first` on, if there are any.
    public mutating func endUnit(from first: Int) {
        let bundles = first..<blocks.bundles.count
        guard !bundles.isEmpty else { return }
        let heads = blocks.bundles[bundles].reduce(into: Int.max..<Int.max) { heads, bundle in
            heads =
                min(
                    heads.lowerBound, bundle.heads.lowerBound)..<max(
                    heads.lowerBound == .max ? 0 : heads.upperBound, bundle.heads.upperBound)
        }
        var rows = Span()
        var listed = Span()
        for bundle in blocks.bundles[bundles] {
            for source in blocks.sources[bundle.sources].map(\.rows) where source.count > 0 {
                if source.list < 0 {
                    rows.include(source.first, source.first + (source.count - 1) * source.step)
                } else {
                    listed.include(source.list, source.list + source.count - 1)
                }
            }
        }
        blocks.units.append(.init(bundles: bundles, heads: heads, keyRows: rows.range, listed: listed.range))
    }

    /// Starts a bundle.
    ///
    /// - Parameters:
    ///   - heads: that have it.
    ///   - sources: its keys, and the column of each source's first key in the dropout stream, a multiple of 16.
    ///     A key and a query that meet twice in a step must do so at one column.
    public mutating func beginBundle(
        heads: Range<Int>, sources list: [(rows: AttentionBlocks.Rows, dropoutColumn: Int)],
        isOfGlobalQueries: Bool = false
    ) {
        sources = []
        var offset = 0
        let first = blocks.sources.count
        for (rows, column) in list {
            sources.append((rows, column, offset))
            blocks.sources.append(.init(rows: rows, offset: offset))
            offset += AttentionBlocks.padded(rows.count)
        }
        blocks.maximumKeys = max(blocks.maximumKeys, offset)
        for (index, part) in list.enumerated() where part.rows.count > 0 {
            // Rows are read by vectors of eight, which must not meet a change of source.
            precondition(part.dropoutColumn % 16 == 0 || index > 0)
        }
        blocks.bundles.append(
            .init(
                heads: heads, sources: first..<blocks.sources.count, keyCount: offset,
                tiles: blocks.tiles.count..<blocks.tiles.count, isOfGlobalQueries: isOfGlobalQueries))
    }

    /// Adds a tile to the last bundle.
    ///
    /// - Parameters:
    ///   - rows: at most `AttentionBlocks.rowCount`.
    ///   - keys: disjoint parts of the bundle's sources.
    public mutating func addTile(rows: AttentionBlocks.Rows, keys: [Keys]) {
        precondition(rows.count <= AttentionBlocks.rowCount && !blocks.bundles.isEmpty)
        let firstPanel = blocks.panels.count
        var firstRange = blocks.ranges.count
        var column = 0
        func closePanel() {
            guard blocks.ranges.count > firstRange else { return }
            blocks.panels.append(.init(ranges: firstRange..<blocks.ranges.count, columns: column))
            blocks.maximumColumns = max(blocks.maximumColumns, column)
            firstRange = blocks.ranges.count
            column = 0
        }
        for part in keys {
            let source = sources[part.source]
            precondition(part.start % 16 == 0 && part.start + part.count <= source.rows.count)
            var done = 0
            while done < part.count {
                if column == AttentionBlocks.columnCount { closePanel() }
                let count = min(part.count - done, AttentionBlocks.columnCount - column)
                let at = part.start + done
                blocks.ranges.append(
                    .init(
                        offset: source.offset + at, count: count, column: column, mask: part.mask,
                        firstRow: source.rows.first + at * source.rows.step, step: source.rows.step,
                        list: source.rows.list < 0 ? -1 : source.rows.list + at,
                        dropoutColumn: source.dropoutColumn + at))
                column += AttentionBlocks.padded(count)
                done += count
            }
        }
        closePanel()
        blocks.tiles.append(.init(rows: rows, panels: firstPanel..<blocks.panels.count))
        let last = blocks.bundles.count - 1
        blocks.bundles[last].tiles = blocks.bundles[last].tiles.lowerBound..<blocks.tiles.count
    }

    private struct Span {
        private var low = Int.max
        private var high = 0
        mutating func include(_ first: Int, _ last: Int) {
            low = min(low, first)
            high = max(high, last + 1)
        }
        var range: Range<Int> { low < high ? low..<high : 0..<0 }
    }

    public func finished() -> AttentionBlocks { blocks }

    /// Evenly spaced rows in pieces of at most one tile.
    public static func tiles(of rows: AttentionBlocks.Rows, size: Int = AttentionBlocks.rowCount)
        -> [AttentionBlocks.Rows]
    {
        stride(from: 0, to: rows.count, by: size).map { at in
            var tile = rows
            tile.count = min(size, rows.count - at)
            if rows.list < 0 { tile.first += at * rows.step } else { tile.list += at }
            return tile
        }
    }
}
