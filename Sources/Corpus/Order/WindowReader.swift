/// Reads the windows of one source; used by one thread.
final class WindowReader {
    private let source: CorpusListing.Source
    private let index: Int
    private let rules: ReadingRules
    private let seed: UInt64
    /// Files or parts of files, whose order is drawn anew for every epoch.
    private let ranges: [FileRange]
    private let maximumDocuments: Int
    private let maximumBytes: Int
    private let cancellation: Cancellation
    private var fileOrder: (epoch: Int, files: [Int32])?
    /// The file being read and the window it is open for, so that the next window needs neither seek nor skip.
    private var reader: DocumentReader?
    private var readerStart: WindowStart?
    /// Warnings of the epoch, to explain why too much of it is unusable.
    private var history: (epoch: Int, report: CorpusReport) = (0, CorpusReport())

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
        ranges = FileRange.all(source, dividedInto: configuration.shuffleWithinFiles ? maximumBytes : nil)
    }

    /// A source's part of a number of bytes that is meant for all sources.
    static func share(of bytes: Int, index: Int, _ configuration: CorpusConfiguration) -> Int {
        let total = configuration.sources.reduce(0) { $0 + $1.weight }
        return max(1 << 16, Int(Double(bytes) * (configuration.sources[index].weight / total)))
    }

    /// What cannot be shuffled though it was asked for.
    static func warnings(_ listing: CorpusListing) -> CorpusReport {
        var report = CorpusReport()
        guard listing.configuration.shuffleWithinFiles else { return report }
        for (index, source) in listing.sources.enumerated() {
            let bytes = share(of: listing.configuration.shuffleBytes, index: index, listing.configuration)
            for file in FileRange.undivided(source, bytes: bytes) {
                report.add(DocumentReader.undividedWarning(file))
            }
        }
        return report
    }

    /// - Throws: `CorpusError`.
    func read(_ start: WindowStart) throws -> DocumentWindow {
        let order = order(epoch: start.epoch)
        guard start.file <= order.count else {
            throw CorpusError.invalidState("source \(index) has \(order.count) files or ranges, not \(start.file)")
        }
        if readerStart != start { reader = nil }
        let window = DocumentWindow(start: start, gauge: rules.gauge)
        var file = start.file
        var position = start.position
        var tally = start.tally
        if history.epoch != start.epoch { history = (start.epoch, CorpusReport()) }
        while window.count < maximumDocuments && window.byteCount < maximumBytes {
            if reader == nil {
                if file == order.count {
                    window.endsEpoch = true
                    break
                }
                do {
                    let range = ranges[Int(order[file])]
                    reader = try DocumentReader.open(
                        range, of: source.files[range.file], at: position, rules: rules, cancellation: cancellation)
                    reader?.tally = tally
                } catch let unusable as DocumentReader.Unusable {
                    window.report.add(unusable.report)
                }
            }
            if let piece = try next(window) {
                if !piece.isHeldOut {
                    try window.append(piece.text)
                } else if piece.beginsUnit {
                    window.heldOutDocuments += 1
                }
                continue
            }
            collect(into: window)
            if let reader { tally = reader.tally }
            reader = nil
            file += 1
            position = FilePosition()
        }
        collect(into: window)
        history.report.add(window.report)
        if window.endsEpoch {
            if tally.exceeds(rules.maximumSkippedFraction) { throw tooMuchSkipped(tally) }
            window.next.epoch = start.epoch + 1
        } else {
            window.next.epoch = start.epoch
            window.next.index = start.index + 1
            window.next.file = file
            window.next.position = reader?.position ?? position
            window.next.tally = reader?.tally ?? tally
        }
        readerStart = window.next
        return window
    }

    private func next(_ window: DocumentWindow) throws -> DocumentReader.Piece? {
        do {
            return try reader?.next()
        } catch is DocumentReader.TooMuchSkipped {
            let tally = reader?.tally ?? RowTally()
            collect(into: window)
            history.report.add(window.report)
            throw tooMuchSkipped(tally)
        }
    }

    private func tooMuchSkipped(_ tally: RowTally) -> CorpusError {
        source.tooMuchSkipped(index, tally, allowed: rules.maximumSkippedFraction, history.report)
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
        let files = random.permutation(ranges.count)
        fileOrder = (epoch, files)
        return files
    }
}
