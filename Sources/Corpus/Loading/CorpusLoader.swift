import Foundation
import Kernels
import Machine

/// Streams batches of packed token sequences from a corpus of any size.
///
/// Which batches come depends on the corpus, the configuration, the tokenizer, the seed and the batch size alone, never on
/// timing. Reading, decompression, shuffling, tokenization and packing happen on two background threads; `next` only takes
/// a finished batch from a small queue. Memory is bounded by two windows of `shuffle_bytes` and a few buffers. Before the
/// first batch one window of each source is read, `shuffle_bytes` in all.
public final class CorpusLoader: Sendable {
    /// Batches that may wait in the queue.
    private static let queueCapacity = 4

    public let listing: CorpusListing
    private let queue: BatchQueue
    private let prefetcher: WindowPrefetcher
    private let cancellation: Cancellation
    private let gauge: MemoryGauge

    /// Starts loading.
    ///
    /// - Parameters:
    ///   - seed: decides the order; the same for the whole of a run.
    ///   - batchSize: sequences in a batch. It may differ from the one that a state was saved with.
    ///   - state: `LoadedBatch.stateAfter` of the last batch that was used.
    /// - Throws: `CorpusError` or `InvalidSetting`.
    public convenience init(
        configuration: CorpusConfiguration, tokenizer: any DocumentTokenizer, seed: UInt64, batchSize: Int,
        resumingFrom state: LoaderState? = nil
    ) throws {
        try self.init(
            listing: CorpusListing(configuration), tokenizer: tokenizer, seed: seed, batchSize: batchSize,
            resumingFrom: state)
    }

    /// Starts loading from files that have been listed already.
    public convenience init(
        listing: CorpusListing, tokenizer: any DocumentTokenizer, seed: UInt64, batchSize: Int,
        resumingFrom state: LoaderState? = nil
    ) throws {
        try self.init(
            listing: listing, tokenizer: tokenizer, seed: seed, batchSize: batchSize, resumingFrom: state,
            history: nil)
    }

    /// - Parameter history: of the loader that this one goes on from in the same run, after the same batch as the state.
    package init(
        listing: CorpusListing, tokenizer: any DocumentTokenizer, seed: UInt64, batchSize: Int,
        resumingFrom state: LoaderState?, history: LoadingHistory?
    ) throws {
        precondition(batchSize > 0)
        try state?.validate(
            configuration: listing.configuration, seed: seed, vocabularySize: tokenizer.vocabularySize)
        let state = state ?? LoaderState(configuration: listing.configuration, seed: seed)
        let cancellation = Cancellation()
        let rules = ReadingRules(listing.configuration)
        let prefetcher = WindowPrefetcher(
            readers: listing.sources.indices.map {
                WindowReader(listing: listing, index: $0, seed: seed, rules: rules, cancellation: cancellation)
            }, cancellation: cancellation)
        let queue = BatchQueue(capacity: Self.queueCapacity)
        self.listing = listing
        self.queue = queue
        self.prefetcher = prefetcher
        self.cancellation = cancellation
        gauge = rules.gauge
        for (index, source) in state.sources.enumerated() {
            prefetcher.request(source: index, start: source.window)
        }
        try Self.startThread("reader") { prefetcher.run() }
        try Self.startThread("loader") {
            let sources = state.sources.enumerated().map { index, source in
                SourceStream(
                    listing: listing, index: index, seed: seed, state: source, history: history?.sources[index],
                    prefetcher: prefetcher, unknownCount: { tokenizer.unknownCount($0) })
            }
            let assembler = BatchAssembler(
                listing: listing, sources: sources, tokenizer: tokenizer, batchSize: batchSize, state: state,
                history: history, cancellation: cancellation)
            do {
                while !cancellation.isCancelled, queue.put(try assembler.next()) {}
            } catch {
                queue.fail(error)
            }
            queue.finishProducing()
        }
    }

    deinit { cancel() }

    /// The next batch, waiting for it if need be.
    ///
    /// - Parameter check: called several times a second while waiting; what it throws ends the wait and loses nothing.
    /// - Throws: `CorpusError`; the batches before the place of the error are given out first.
    public func next(check: () throws -> Void = {}) throws -> LoadedBatch { try queue.take(check: check) }

    /// Ends the background threads and waits for them. `next` throws `CorpusError.stopped` from then on.
    public func stop() {
        cancel()
        queue.join()
        prefetcher.join()
    }

    /// Most bytes of text that were in buffers and windows at any time.
    package var peakBufferedBytes: Int { gauge.peak }

    private func cancel() {
        cancellation.cancel()
        queue.stop()
        prefetcher.wake()
    }

    private static func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) throws {
        try StartedThread.start(stackBytes: 4 << 20) {
            ThreadName.set(name)
            body()
        }
    }
}
