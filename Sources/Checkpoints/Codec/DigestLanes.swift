/// The digests of a checkpoint's files, three of them in each lane of an `OrderedWork`.
///
/// Work goes in rounds: the frames of the same number of all files. Every lane has its turn in every round, with the bytes
/// that the round adds to its streams.
final class DigestLanes: Sendable {
    /// What a file is hashed for.
    struct Stream: Hashable, Sendable {
        var file: Int
        /// The content as the caller gave it, or else the bytes on disk.
        var isContent: Bool
    }

    private let streams: [Stream]
    private let digests: [DigestStream]

    /// - Parameter hashesContent: for each file, whether its content is hashed beside its stored bytes.
    init(hashesContent: [Bool]) {
        streams = hashesContent.enumerated().flatMap { file, hashesContent in
            (hashesContent ? [Stream(file: file, isContent: true)] : []) + [Stream(file: file, isContent: false)]
        }
        digests = streams.map { _ in DigestStream() }
    }

    private static let streamsPerLane = 3

    var count: Int { (streams.count + Self.streamsPerLane - 1) / Self.streamsPerLane }

    /// The streams of a lane, one to three.
    func streams(of lane: Int) -> ArraySlice<Stream> { streams[range(of: lane)] }

    private func range(of lane: Int) -> Range<Int> {
        let first = Self.streamsPerLane * lane
        return first..<min(first + Self.streamsPerLane, streams.count)
    }

    /// Adds a round's bytes to the streams of a lane; in the lane's turn.
    func update(lane: Int, _ bytes: (Stream) -> UnsafeRawBufferPointer) {
        DigestStream.update(range(of: lane).map { (digests[$0], bytes(streams[$0])) })
    }

    /// All digests, after the last round.
    func finish() -> [Stream: String] {
        Dictionary(uniqueKeysWithValues: zip(streams, digests.map { $0.finish() }))
    }
}
