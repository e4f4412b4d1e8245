import Kernels

/// From patterns to blocks.
extension LayerAttention {
    /// Where dropout columns of global keys begin, beyond all positions.
    package static let globalColumns = 1 << 24

    /// Lists the blocks of a chunk.
    ///
    /// - Parameters:
    ///   - tokens: ids of the chunk, which make some tokens global.
    ///   - slices: of the chunk's rows, which become units of work of their own; one for a chunk that one thread carries.
    ///   - units: into how many units work that does not follow slices is divided.
    package func blocks(
        _ chunk: ChunkGeometry, tokens: UnsafeBufferPointer<Int32>, slices: [Range<Int>], units: Int
    ) -> AttentionBlocks {
        var builder = AttentionBlocksBuilder()
        let segments = zip(chunk.segments, chunk.segments.dropFirst()).map { $0..<$1 }
        switch kind {
        case .full: addFull(segments, to: &builder, units: slices.count > 1 ? units : 1)
        case .window(let halfWidth, let dilations):
            addWindows(
                segments, chunk, tokens, halfWidth: halfWidth, dilations, slices: slices, units: units, to: &builder)
        case .blocks(let sparsity): addBlocks(segments, sparsity, units: slices.count > 1 ? units : 1, to: &builder)
        }
        return builder.finished()
    }

    // MARK: - Full

    private func addFull(_ segments: [Range<Int>], to builder: inout AttentionBlocksBuilder, units: Int) {
        guard units > 1 else {
            for segment in segments { addDense(segment, heads: 0..<headCount, part: 0, of: 1, to: &builder) }
            builder.endUnit(from: 0)
            return
        }
        for documents in Self.shares(of: segments, units: Self.units(units, ofHeads: headCount)) {
            for head in 0..<headCount {
                for part in 0..<documents.parts {
                    let first = builder.bundleCount
                    for segment in documents.segments {
                        addDense(segment, heads: head..<head + 1, part: part, of: documents.parts, to: &builder)
                    }
                    builder.endUnit(from: first)
                }
            }
        }
    }

    /// Documents as units of one head: several short ones in a row together, one that has more than its share of the rows
    /// divided. Fewer than three times as many units as are asked for come of it, however many documents there are: each may keep
    /// gradients of its own of all relative positions.
    ///
    /// - Parameter units: of a head, about.
    package static func shares(of segments: [Range<Int>], units: Int) -> [(
        segments: ArraySlice<Range<Int>>, parts: Int
    )] {
        let rows = segments.reduce(0) { $0 + $1.count }
        var shares: [(segments: ArraySlice<Range<Int>>, parts: Int)] = []
        var (start, count) = (0, 0)
        func take(through end: Int) {
            if end > start { shares.append((segments[start..<end], 1)) }
            (start, count) = (end, 0)
        }
        for (index, segment) in segments.enumerated() {
            let wanted = (units * segment.count + max(1, rows) - 1) / max(1, rows)
            let parts = Self.parts(wanted, blocks: Self.blocks(of: segment.count))
            if parts > 1 {
                take(through: index)
                shares.append((segments[index...index], parts))
                start = index + 1
                continue
            }
            count += segment.count
            if count * units >= rows { take(through: index + 1) }
        }
        take(through: segments.count)
        return shares
    }

    /// Of one head, where all heads together are to have so many.
    static func units(_ units: Int, ofHeads headCount: Int) -> Int { (units + headCount - 1) / headCount }

    /// Into how many groups of tiles the queries of a head are divided.
    package static func parts(units: Int, headCount: Int, rows: Int) -> Int {
        parts(Self.units(units, ofHeads: headCount), blocks: blocks(of: rows))
    }

    private static func blocks(of rows: Int) -> Int {
        (rows + AttentionBlocks.rowCount - 1) / AttentionBlocks.rowCount
    }

    /// Of a head whose queries are in so many blocks, of which a part has four at least.
    static func parts(_ wanted: Int, blocks: Int) -> Int { max(1, min(wanted, blocks / 4)) }

    /// Part of a segment's queries against all of its keys.
    private func addDense(
        _ segment: Range<Int>, heads: Range<Int>, part: Int, of parts: Int, to builder: inout AttentionBlocksBuilder
    ) {
        let rows = AttentionBlocks.Rows(first: segment.lowerBound, count: segment.count)
        let tiles = AttentionBlocksBuilder.tiles(of: rows)
        builder.beginBundle(heads: heads, sources: [(rows, dropoutColumn: 0)])
        for tile in tiles[part * tiles.count / parts..<(part + 1) * tiles.count / parts] {
            builder.addTile(rows: tile, keys: [.init(source: 0, start: 0, count: rows.count)])
        }
    }

    // MARK: - Windows

    private func addWindows(
        _ segments: [Range<Int>], _ chunk: ChunkGeometry, _ tokens: UnsafeBufferPointer<Int32>, halfWidth: Int,
        _ dilations: [Int], slices: [Range<Int>], units: Int, to builder: inout AttentionBlocksBuilder
    ) {
        let starts = Set(chunk.sequences)
        let globals = segments.map { segment in
            globalTokens?.rows(
                in: segment, tokens: tokens, isFirstOfSequence: starts.contains(segment.lowerBound)) ?? []
        }
        builder.setGlobal(globals.flatMap(\.self), of: chunk.tokenCount)
        let lists = globals.map { builder.list($0) }
        for slice in slices {
            let first = builder.bundleCount
            for (index, segment) in segments.enumerated() where segment.overlaps(slice) {
                for (heads, dilation) in Self.headRuns(dilations) {
                    for offset in 0..<min(dilation, segment.count) {
                        addWindow(
                            segment, slice: slice, globals[index], lists[index], heads: heads, halfWidth: halfWidth,
                            dilation: dilation,
                            offset: offset, to: &builder)
                    }
                }
            }
            builder.endUnit(from: first)
        }
        guard foldedQueriesPerDocument == nil else {
            for (segment, globals) in zip(segments, globals) where !globals.isEmpty {
                builder.addGlobalDocument(segment, count: globals.count)
            }
            return
        }
        addGlobalQueries(segments, globals, lists, slices: slices, units: units, to: &builder)
    }

    /// Heads side by side that have one dilation.
    private static func headRuns(_ dilations: [Int]) -> [(heads: Range<Int>, dilation: Int)] {
        var runs: [(heads: Range<Int>, dilation: Int)] = []
        for (head, dilation) in dilations.enumerated() {
            if let last = runs.last, last.dilation == dilation {
                runs[runs.count - 1].heads = last.heads.lowerBound..<head + 1
            } else {
                runs.append((head..<head + 1, dilation))
            }
        }
        return runs
    }

    /// The window of every query at `offset`, `offset + dilation`, … of a segment that lies in a slice: rows that far
    /// apart are a plain window among themselves.
    private func addWindow(
        _ segment: Range<Int>, slice: Range<Int>, _ globals: [Int], _ list: AttentionBlocks.Rows, heads: Range<Int>,
        halfWidth: Int, dilation: Int,
        offset: Int, to builder: inout AttentionBlocksBuilder
    ) {
        let origin = segment.lowerBound + offset
        let members = (segment.count - offset + dilation - 1) / dilation
        /// The first member at or after a row.
        func member(from row: Int) -> Int { max(0, (row - origin + dilation - 1) / dilation) }
        let queries = min(members, member(from: slice.lowerBound))..<min(members, member(from: slice.upperBound))
        guard !queries.isEmpty else { return }
        let firstKey = max(0, queries.lowerBound - halfWidth) / 16 * 16
        let lastKey = min(members, queries.upperBound + halfWidth)
        let keys = AttentionBlocks.Rows(
            first: origin + firstKey * dilation, step: dilation, count: lastKey - firstKey)
        var sources = [(rows: keys, dropoutColumn: firstKey)]
        if !globals.isEmpty { sources.append((list, dropoutColumn: Self.globalColumns)) }
        builder.beginBundle(heads: heads, sources: sources)
        let rows = AttentionBlocks.Rows(
            first: origin + queries.lowerBound * dilation, step: dilation, count: queries.count)
        for (index, tile) in AttentionBlocksBuilder.tiles(of: rows).enumerated() {
            let low = queries.lowerBound + index * AttentionBlocks.rowCount
            let high = low + tile.count
            let start = max(firstKey, max(0, low - halfWidth) / 16 * 16)
            let end = min(members, high + halfWidth)
            let isWhole = high - 1 - start <= halfWidth && end - 1 - low <= halfWidth
            var seen = [
                AttentionBlocksBuilder.Keys(
                    source: 0, start: start - firstKey, count: end - start,
                    mask: isWhole ? .all : .within(halfWidth: halfWidth))
            ]
            if let range = Self.visibleGlobals(globals, tile, halfWidth: halfWidth) { seen.append(range) }
            builder.addTile(rows: tile, keys: seen)
        }
    }

    /// The global keys that a tile sees beyond its windows; nil if windows show them all.
    private static func visibleGlobals(
        _ globals: [Int], _ tile: AttentionBlocks.Rows, halfWidth: Int
    ) -> AttentionBlocksBuilder.Keys? {
        guard let first = globals.first, let last = globals.last else { return nil }
        let reach = halfWidth * tile.step
        let lastRow = tile.first + (tile.count - 1) * tile.step
        if tile.step == 1, first >= lastRow - reach, last <= tile.first + reach { return nil }
        let isNear = globals.contains { $0 >= tile.first - reach && $0 <= lastRow + reach }
        return AttentionBlocksBuilder.Keys(
            source: 1, start: 0, count: globals.count,
            mask: isNear ? .beyond(halfWidth: halfWidth, step: tile.step) : .all)
    }

    /// Global tokens as queries: each sees all of its segment.
    private func addGlobalQueries(
        _ segments: [Range<Int>], _ globals: [[Int]], _ lists: [AttentionBlocks.Rows], slices: [Range<Int>],
        units: Int, to builder: inout AttentionBlocksBuilder
    ) {
        let isDivided = slices.count > 1
        let first = builder.bundleCount
        for (index, segment) in segments.enumerated() where !globals[index].isEmpty {
            let globals = globals[index]
            let rows = lists[index]
            let keys = AttentionBlocks.Rows(first: segment.lowerBound, count: segment.count)
            let tiles = AttentionBlocksBuilder.tiles(of: rows)
            let parts = isDivided ? Self.parts(units: units, headCount: headCount, rows: globals.count) : 1
            for head in isDivided ? 0..<headCount : 0..<1 {
                for part in 0..<parts {
                    let begin = builder.bundleCount
                    builder.beginBundle(
                        heads: isDivided ? head..<head + 1 : 0..<headCount, sources: [(keys, dropoutColumn: 0)],
                        isOfGlobalQueries: true)
                    for tile in tiles[part * tiles.count / parts..<(part + 1) * tiles.count / parts] {
                        builder.addTile(rows: tile, keys: [.init(source: 0, start: 0, count: keys.count)])
                    }
                    if isDivided { builder.endUnit(from: begin) }
                }
            }
        }
        if !isDivided { builder.endUnit(from: first) }
    }

    // MARK: - BigBird

    private func addBlocks(
        _ segments: [Range<Int>], _ sparsity: BlockSparsity, units: Int, to builder: inout AttentionBlocksBuilder
    ) {
        let first = builder.bundleCount
        for segment in segments {
            let blocks = (segment.count + sparsity.size - 1) / sparsity.size
            let parts = units > 1 ? Self.parts(Self.units(units, ofHeads: headCount), blocks: blocks) : 1
            for head in 0..<headCount {
                for part in 0..<parts {
                    let begin = builder.bundleCount
                    let queries = part * blocks / parts..<(part + 1) * blocks / parts
                    addBlocks(segment, queries: queries, of: blocks, head: head, sparsity, to: &builder)
                    if units > 1 { builder.endUnit(from: begin) }
                }
            }
        }
        if units == 1 { builder.endUnit(from: first) }
    }

    private func addBlocks(
        _ segment: Range<Int>, queries: Range<Int>, of blocks: Int, head: Int, _ sparsity: BlockSparsity,
        to builder: inout AttentionBlocksBuilder
    ) {
        let seen = queries.map { sparsity.blocks(seenBy: $0, of: blocks, head: head) }
        let needed = Set(seen.joined()).sorted()
        // What is packed: runs of blocks that some query sees.
        let runs = Self.runs(of: needed)
        func length(_ run: Range<Int>) -> Int {
            min(segment.count, run.upperBound * sparsity.size) - run.lowerBound * sparsity.size
        }
        builder.beginBundle(
            heads: head..<head + 1,
            sources: runs.map { run in
                let start = run.lowerBound * sparsity.size
                return (
                    AttentionBlocks.Rows(first: segment.lowerBound + start, count: length(run)), dropoutColumn: start
                )
            })
        for (query, blocks) in zip(queries, seen) {
            let keys = Self.runs(of: blocks).map { part in
                let source = runs.firstIndex { $0.contains(part.lowerBound) }!
                let start = (part.lowerBound - runs[source].lowerBound) * sparsity.size
                return AttentionBlocksBuilder.Keys(source: source, start: start, count: length(part))
            }
            let start = query * sparsity.size
            let rows = AttentionBlocks.Rows(
                first: segment.lowerBound + start, count: min(sparsity.size, segment.count - start))
            for tile in AttentionBlocksBuilder.tiles(of: rows) { builder.addTile(rows: tile, keys: keys) }
        }
    }

    /// Consecutive numbers put together.
    private static func runs(of sorted: [Int]) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        for number in sorted {
            if let last = runs.last, last.upperBound == number {
                runs[runs.count - 1] = last.lowerBound..<number + 1
            } else {
                runs.append(number..<number + 1)
            }
        }
        return runs
    }
}

extension LayerAttention.BlockSparsity {
    /// The global blocks: half of them the first of the document, the others its last, as in BigBird's release
    /// (`attention.py` in github.com/google-research/bigbird: one on either side).
    package func globals(of count: Int) -> (first: Range<Int>, last: Range<Int>) {
        let first = min(count, (global + 1) / 2)
        return (0..<first, max(first, count - global / 2)..<count)
    }

    /// The blocks that a block of queries sees, ascending; a function of the document's length, not of its place.
    package func blocks(seenBy query: Int, of count: Int, head: Int) -> [Int] {
        let (first, last) = globals(of: count)
        if first.contains(query) || last.contains(query) { return Array(0..<count) }
        var seen = Set(first).union(last)
        for block in max(0, query - window / 2)...min(count - 1, query + window / 2) { seen.insert(block) }
        let wanted = min(count, seen.count + random)
        let numbers = Philox(seed: seed, purpose: .attentionBlocks)
        var draw: UInt32 = 0
        while seen.count < wanted {
            let words = numbers.block([UInt32(truncatingIfNeeded: query), draw, UInt32(head), stream])
            seen.insert(Int((UInt64(words.x) &* UInt64(count)) >> 32))
            draw += 1
        }
        return seen.sorted()
    }
}
