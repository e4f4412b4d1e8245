import Corpus
import Formatting
import Foundation
import Kernels
import Pretraining
import Tokenization

/// Measures what stands between the text and the step: reading, shuffling, tokenizing, packing.
public struct LoaderBenchmark: Sendable {
    /// What was measured. Bytes are those of the text as the tokenizer gets it.
    public struct Report: Encodable, Sendable {
        /// Documents through the tokenizer alone, one thread: bytes per second of processor time.
        public var encodedBytesPerCoreSecond: Double
        public var encodedBytes: Int
        /// A plain FNV-1a hash of the same text, one byte after the other: what this processor can do, and thresholds are
        /// relative to. With the hash, which tells whether two measurements are of the same text.
        public var hashedBytesPerCoreSecond: Double
        public var textHash: UInt64
        public var bytesPerToken: Double
        /// The whole way from files to batches, all threads: bytes per second of processor time.
        public var loadedBytesPerCoreSecond: Double
        public var loadedTokens: Int
        /// From the beginning to the first batch.
        public var firstBatchSeconds: Double
        /// Median speed of training steps, and the share of the machine's time in them that the loader takes.
        public var stepTokensPerSecond: Double?
        public var shareOfStep: Double?
        /// What was skipped or replaced of the text that was loaded.
        public var skipped: [CorpusReport.Entry]
    }

    /// - Parameters:
    ///   - batches: to load.
    ///   - steps: of training to compare with; 0 for none.
    public static func run(
        _ configuration: RunConfiguration, tokenizer: Tokenizer, pool: ThreadPool, batches: Int, steps: Int,
        progress: (String) -> Void = { _ in }
    ) throws -> Report {
        let listing = try CorpusListing(configuration.corpus)
        let documents = RunDocumentTokenizer(tokenizer, try tokenizer.specialTokens)
        progress("tokenizing")
        let encoding = try encode(listing, documents, seed: UInt64(configuration.training.seed))
        progress("loading")
        let loading = try load(configuration, listing, documents, batches: batches)
        let bytesPerToken = Double(encoding.bytes) / Double(max(encoding.tokens, 1))
        var report = Report(
            encodedBytesPerCoreSecond: Double(encoding.bytes) / encoding.seconds, encodedBytes: encoding.bytes,
            hashedBytesPerCoreSecond: Double(encoding.bytes) / encoding.hashSeconds, textHash: encoding.hash,
            bytesPerToken: bytesPerToken,
            loadedBytesPerCoreSecond: Double(loading.tokens) * bytesPerToken / loading.processorSeconds,
            loadedTokens: loading.tokens, firstBatchSeconds: loading.firstBatchSeconds,
            skipped: loading.report.entries)
        if steps > 0 {
            progress("training")
            let step = try StepBenchmark.run(configuration, pool: pool, steps: steps, warmup: 1)
            report.stepTokensPerSecond = step.tokensPerSecond
            report.shareOfStep =
                loading.processorSeconds / Double(loading.tokens) * step.tokensPerSecond / Double(pool.threadCount)
        }
        return report
    }

    /// Tokenizes documents that are in memory already, the second time around: a run's tokenizer has seen its words.
    private static func encode(
        _ listing: CorpusListing, _ tokenizer: RunDocumentTokenizer, seed: UInt64
    ) throws -> (bytes: Int, tokens: Int, seconds: Double, hash: UInt64, hashSeconds: Double) {
        var text: [UInt8] = []
        var ends: [Int] = []
        try CorpusSampler(listing: listing, seed: seed).sampleDocuments(limitBytes: sampleBytes) { document in
            text.append(contentsOf: document)
            ends.append(text.count)
        }
        var encoder = tokenizer.makeEncoder()
        var tokens: [Int32] = []
        var counted = 0
        let started = ProcessorTime.seconds
        text.withUnsafeBufferPointer { text in
            var start = 0
            for end in ends {
                tokens.removeAll(keepingCapacity: true)
                encoder.encode(UnsafeBufferPointer(rebasing: text[start..<end]), into: &tokens)
                counted += tokens.count
                start = end
            }
        }
        let encoded = ProcessorTime.seconds
        let hash = text.withUnsafeBufferPointer(fnv1a)
        return (text.count, counted, encoded - started, hash, ProcessorTime.seconds - encoded)
    }

    /// FNV-1a of 64 bits (draft-eastlake-fnv).
    private static func fnv1a(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    private static let sampleBytes = 64 << 20

    private static func load(
        _ configuration: RunConfiguration, _ listing: CorpusListing, _ tokenizer: RunDocumentTokenizer, batches: Int
    ) throws -> (tokens: Int, processorSeconds: Double, firstBatchSeconds: Double, report: CorpusReport) {
        let started = ContinuousClock.now
        let loader = try CorpusLoader(
            listing: listing, tokenizer: tokenizer, seed: UInt64(configuration.training.seed),
            batchSize: configuration.training.sequencesPerStep)
        defer { loader.stop() }
        var loaded = try loader.next()
        let first = started.duration(to: .now).seconds
        // The reader's work for the first window falls into the time before, that for later ones into the time after.
        let processor = ProcessorTime.seconds
        var tokens = 0
        for _ in 0..<batches {
            loaded = try loader.next()
            tokens += loaded.batch.tokenCount
        }
        return (tokens, ProcessorTime.seconds - processor, first, loaded.report)
    }
}
