extension Reference {
    /// Documents laid one after another without padding: segment `s` is tokens `offsets[s]..<offsets[s + 1]`.
    struct Segments {
        /// The start of every segment, and the token count as the last element.
        let offsets: [Int]
        /// The segment of each token.
        let segment: [Int]
        /// The place of each token within its segment.
        let positions: [Int]
        /// The token type of each token.
        let types: [Int]

        init(offsets: [Int], types: [Int]? = nil) {
            precondition(offsets.first == 0 && zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 })
            self.offsets = offsets
            var (segment, positions) = ([Int](), [Int]())
            for (index, (start, end)) in zip(offsets, offsets.dropFirst()).enumerated() {
                segment += [Int](repeating: index, count: end - start)
                positions += 0..<(end - start)
            }
            self.segment = segment
            self.positions = positions
            self.types = types ?? [Int](repeating: 0, count: segment.count)
        }

        var tokenCount: Int { segment.count }

        /// Which key a query may attend to, both as indices of flat tokens.
        typealias Visibility = (_ query: Int, _ key: Int) -> Bool

        /// A token sees the tokens of its own segment for which `pattern` holds, given both positions in the segment.
        func visibility(
            where pattern: @escaping (_ queryPosition: Int, _ keyPosition: Int) -> Bool = { _, _ in true }
        ) -> Visibility {
            { query, key in segment[query] == segment[key] && pattern(positions[query], positions[key]) }
        }
    }
}
