/// Where the tokens of a chunk stand: everything of it that does not depend on the token ids.
///
/// A chunk is a few whole sequences that are carried through both networks together; its rows are its tokens.
public struct ChunkGeometry: Sendable, Equatable {
    /// Index of the first token within the batch, which keys its random numbers.
    public let firstRow: Int
    public let tokenCount: Int
    /// Start of every segment within the chunk, and the token count.
    public let segments: [Int]
    /// Position of every token within its segment.
    public let positions: [Int32]
    /// Of every token, 0 or 1; empty where all are 0.
    public let tokenTypes: [Int32]
    public let longestSegment: Int
    /// Start of every sequence within the chunk.
    public let sequences: [Int]

    /// The index of the first of ascending offsets that is no less than a value: batches have many, and each chunk a few.
    private static func first(from value: Int, in offsets: [Int]) -> Int {
        var (low, high) = (0, offsets.count)
        while low < high {
            let middle = (low + high) / 2
            if offsets[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Some rows of a chunk: for work on single rows, which knows their positions and random numbers.
    init(_ rows: Range<Int>, of chunk: ChunkGeometry) {
        firstRow = chunk.firstRow + rows.lowerBound
        tokenCount = rows.count
        positions = Array(chunk.positions[rows])
        tokenTypes = chunk.tokenTypes.isEmpty ? [] : Array(chunk.tokenTypes[rows])
        segments = [0, rows.count]
        sequences = [0]
        longestSegment = rows.count
    }

    /// - Parameters:
    ///   - firstRow, tokenCount: the chunk's tokens within the batch.
    ///   - segmentOffsets: of the whole batch; the chunk begins and ends at one.
    ///   - sequenceOffsets: likewise; nil for a chunk of one sequence.
    ///   - tokenTypes: of the whole batch; empty where all are 0.
    public init(
        firstRow: Int, tokenCount: Int, segmentOffsets: [Int], sequenceOffsets: [Int]? = nil, tokenTypes: [Int32] = []
    ) {
        self.firstRow = firstRow
        self.tokenCount = tokenCount
        self.tokenTypes = tokenTypes.isEmpty ? [] : Array(tokenTypes[firstRow..<firstRow + tokenCount])
        let end = firstRow + tokenCount
        segments = segmentOffsets[
            Self.first(from: firstRow, in: segmentOffsets)..<Self.first(from: end + 1, in: segmentOffsets)
        ]
        .map { $0 - firstRow }
        sequences =
            sequenceOffsets.map { offsets in
                offsets[Self.first(from: firstRow, in: offsets)..<Self.first(from: end, in: offsets)].map {
                    $0 - firstRow
                }
            } ?? [0]
        precondition(segments.first == 0 && segments.last == tokenCount, "a chunk cuts a segment")
        var positions: [Int32] = []
        positions.reserveCapacity(tokenCount)
        var longest = 0
        for (start, end) in zip(segments, segments.dropFirst()) {
            longest = max(longest, end - start)
            for position in 0..<(end - start) { positions.append(Int32(position)) }
        }
        self.positions = positions
        longestSegment = longest
    }
}
