extension AttentionKernel {
    /// Keys and queries of relative positions, of all heads, packed for the products of disentangled attention (He et al.
    /// 2020, arXiv 2006.03654, equation 4): a score is Q·K plus Q·Kʳ and K·Qʳ, Kʳ and Qʳ of the distance from key to
    /// query.
    ///
    /// The table has a row for every bucket of distances, what is packed a row for every distance: the scores of one query
    /// then are a stretch of one row of Q·Kʳᵀ, where the products put it, and nothing is gathered.
    public struct RelativePositions {
        public let layout: RelativeLayout
        private let base: UnsafeMutablePointer<Float>
        private let headCount: Int
        private let headSize: Int

        /// - Parameter base: `packedCount` floats, as `pack` leaves them.
        public init(
            _ base: UnsafeMutablePointer<Float>, layout: RelativeLayout, headCount: Int, headSize: Int
        ) {
            self.base = base
            self.layout = layout
            self.headCount = headCount
            self.headSize = headSize
        }

        /// Floats that the packed tables of all heads take.
        public static func packedCount(_ layout: RelativeLayout, headCount: Int, headSize: Int) -> Int {
            4 * headCount * layout.capacity * AttentionBlocks.padded(headSize)
        }

        /// Packs the table.
        ///
        /// - Parameters:
        ///   - table: `[layout.rowCount, 2 · headCount · headSize]`: queries of all heads, scaled as the tokens' are, then
        ///     keys.
        ///   - forBackward: whether a backward pass follows, which reads more.
        public func pack(_ table: Matrix, forBackward: Bool) {
            let width = headCount * headSize
            let span = layout.longest - 1
            for head in 0..<headCount {
                let parts = ofHead(head)
                for place in 0..<layout.capacity {
                    // What fills the last panel up is never read where it counts, but has to be a number.
                    let distance = max(-span, min(span, place - layout.centre))
                    let query = table.row(layout.row(distance: distance)) + head * headSize
                    let key = table.row(layout.row(distance: -distance)) + width + head * headSize
                    Packing.column(query, width: headSize, into: parts.queryColumns, index: place)
                    Packing.column(key, width: headSize, into: parts.keyColumns, index: place)
                    guard forBackward else { continue }
                    Packing.row(
                        query, width: headSize, into: parts.queryRows, capacity: layout.capacity, index: place)
                    Packing.row(key, width: headSize, into: parts.keyRows, capacity: layout.capacity, index: place)
                }
            }
        }

        func ofHead(_ head: Int) -> Head {
            let count = layout.capacity * AttentionBlocks.padded(headSize)
            let first = base + 4 * head * count
            return Head(
                queryColumns: first, keyColumns: first + count, queryRows: first + 2 * count,
                keyRows: first + 3 * count, capacity: layout.capacity, centre: layout.centre)
        }

        /// One head's tables. Places count distances from `centre`: of queries by query − key, of keys by key − query.
        struct Head {
            /// Panels of the transposed tables, `[capacity / 16, d, 16]`.
            let queryColumns: UnsafeMutablePointer<Float>
            let keyColumns: UnsafeMutablePointer<Float>
            /// Panels of the tables, `[d₁₆ / 16, capacity, 16]`.
            let queryRows: UnsafeMutablePointer<Float>
            let keyRows: UnsafeMutablePointer<Float>
            let capacity: Int
            /// The place of distance 0.
            let centre: Int
        }
    }

    /// Which row of a table of relative positions stands for which distance.
    public struct RelativeLayout: Sendable, Equatable {
        /// Tokens of the longest segment.
        public let longest: Int
        /// Of distances from `1 − longest` on.
        private let rows: [Int32]
        /// Rows of the table.
        public let rowCount: Int

        /// - Parameter row: of a distance from key to query, query − key.
        public init(longest: Int, rowCount: Int, row: (_ distance: Int) -> Int) {
            precondition(longest > 0, "segments have tokens")
            self.longest = longest
            self.rowCount = rowCount
            rows = (1 - longest...longest - 1).map { Int32(row($0)) }
            precondition(rows.allSatisfy { (0..<rowCount).contains(Int($0)) }, "a distance without a row")
        }

        var centre: Int { longest - 1 }
        var capacity: Int { Self.capacity(longest: longest) }

        static func capacity(longest: Int) -> Int { AttentionBlocks.padded(2 * longest - 1) }

        /// - Parameter distance: from key to query, query − key.
        public func row(distance: Int) -> Int { Int(rows[distance + centre]) }
    }
}
