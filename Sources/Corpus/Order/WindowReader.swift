/// Reads the windows of one source; used by one thread.
final class WindowReader {
    private let source: CorpusListing.Source
    private let index: Int
    private let rules: ReadingRules
    private let seed: UInt64
    private let maximumDocuments: Int
    private let maximumBytes: Int
    private let cancellation: Cancellation
    private var fileOrder: (epoch: Int, files: [Int32])?
    /// The file being read and the window it is open for, so that the next window needs neither seek nor skip.
    private var reader: DocumentReader?
    private var readerStart: WindowStart?

    init(
        listing: CorpusListing, index: Int, seed: UInt64, rules: ReadingRules, cancellation: Cancellation
    ) {
        let configuration = listing.configuration
        source = listing.sources[index]
        self.index = index
        self.seed = seed
        self.rules = rules
        self.cancellation = cancellation
        maximumDocuments = configuration.shuffleDocuments
        maximumBytes = Self.share(of: configuration.shuffleBytes, index: index, configuration)
    }

    /// A source's part of a number of bytes that is meant for all sources.
    static func share(of bytes: Int, index: Int, _ configuration: CorpusConfiguration) -> Int {
        let total = configuration.sources.reduce(0) { $0 + $1.weight }
        return max(1 << 16, Int(Double(bytes) * (configuration.sources[index].weight / total)))
    }

    /// - Throws: `CorpusError`.
    func read(_ start: WindowStart) throws -> DocumentWindow {
        let order = order(epoch: start.epoch)
        guard start.file <= order.count else {
            throw CorpusError.invalidState("source \(index) has \(order.count) files, not \(start.file)")
        }
        if readerStart != start { reader = nil }
        let window = DocumentWindow(start: start, gauge: rules.gauge)
        var file = start.file
        var position = start.position
        while window.count < maximumDocuments && window.byteCount < maximumBytes {
            if reader == nil {
                if file == order.count {
                    window.endsEpoch = true
                    break
                }
                do {
                    reader = try DocumentReader(
                        source.files[Int(order[file])], at: position, rules: rules, cancellation: cancellation)
                } catch let unusable as DocumentReader.Unusable {
                    window.report.add(unusable.report)
                }
            }
            if let piece = try reader?.next() {
                if !piece.isHeldOut {
                    window.append(piece.text)
                } else if piece.index == 0 {
                    window.heldOutDocuments += 1
                }
                continue
            }
            collect(into: window)
            reader = nil
            file += 1
            position = FilePosition()
        }
        collect(into: window)
        if window.endsEpoch {
            window.next.epoch = start.epoch + 1
        } else {
            window.next.epoch = start.epoch
            window.next.index = start.index + 1
            window.next.file = file
            window.next.position = reader?.position ?? position
        }
        readerStart = window.next
        return window
    }

    private func collect(into window: DocumentWindow) {
        guard let reader else { return }
        window.report.add(reader.report)
        window.emptyDocuments += reader.emptyDocuments
        window.invalidSequences += reader.invalidSequences
        reader.report = CorpusReport()
        reader.emptyDocuments = 0
        reader.invalidSequences = 0
    }

    private func order(epoch: Int) -> [Int32] {
        if let fileOrder, fileOrder.epoch == epoch { return fileOrder.files }
        let random = CounterRandom(seed: seed, purpose: .fileOrder, source: index, epoch: epoch)
        let files = random.permutation(source.files.count)
        fileOrder = (epoch, files)
        return files
    }
}
