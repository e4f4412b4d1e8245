import Glibc

/// Where a window of documents begins in a source.
public struct WindowStart: Codable, Equatable, Sendable {
    /// Passes over the source that are complete.
    public var epoch = 0
    /// Windows of this epoch that come before.
    public var index = 0
    /// Files of this epoch's order that come before.
    public var file = 0
    /// Where in the file the first document, or piece of one, begins.
    public var position = FilePosition()
    /// Rows of this epoch that come before.
    public var tally = RowTally()

    public init() {}

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        epoch = try values.decode(Int.self, forKey: .epoch)
        index = try values.decode(Int.self, forKey: .index)
        file = try values.decode(Int.self, forKey: .file)
        position = try values.decode(FilePosition.self, forKey: .position)
        // States that were saved before rows were counted have none.
        tally = try values.decodeIfPresent(RowTally.self, forKey: .tally) ?? RowTally()
    }
}

/// Documents that lie together in a source and are shuffled together.
///
/// A window is a function of the corpus, the settings and where it starts, so it never has to be saved.
final class DocumentWindow: @unchecked Sendable {
    let start: WindowStart
    /// Where the next window starts.
    var next = WindowStart()
    /// Whether this is the last window of its epoch.
    var endsEpoch = false
    /// Documents that were passed over because they are held out.
    var heldOutDocuments = 0
    var emptyDocuments = 0
    var invalidSequences = 0
    var report = CorpusReport()

    private let gauge: MemoryGauge
    private var storage: UnsafeMutableRawPointer?
    private var capacity = 0
    private var ends: [Int] = []

    // Unchecked sendability: one thread fills a window and then hands it over to another.
    init(start: WindowStart, gauge: MemoryGauge) {
        self.start = start
        self.gauge = gauge
    }

    deinit {
        free(storage)
        gauge.add(-capacity)
    }

    /// Number of documents (or pieces of documents).
    var count: Int { ends.count }
    /// Bytes of their text.
    var byteCount: Int { ends.last ?? 0 }

    func byteCount(of document: Int) -> Int { ends[document] - (document > 0 ? ends[document - 1] : 0) }

    /// The text of a document, in file order; valid as long as the window.
    func text(_ document: Int) -> UnsafeBufferPointer<UInt8> {
        let start = document > 0 ? ends[document - 1] : 0
        return UnsafeBufferPointer(
            start: storage?.advanced(by: start).assumingMemoryBound(to: UInt8.self), count: ends[document] - start)
    }

    /// - Throws: `CorpusError.outOfMemory`.
    func append(_ text: UnsafeRawBufferPointer) throws {
        let end = byteCount + text.count
        if end > capacity {
            let larger = max(end, capacity * 2, 1 << 16)
            guard let grown = realloc(storage, larger) else { throw CorpusError.outOfMemory(bytes: larger) }
            storage = grown
            gauge.add(larger - capacity)
            capacity = larger
        }
        guard let storage, let source = text.baseAddress else { return }
        memcpy(storage + byteCount, source, text.count)
        ends.append(end)
    }
}
