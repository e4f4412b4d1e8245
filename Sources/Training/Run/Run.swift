import Checkpoints
import Configuration
import Corpus
import Foundation
import Kernels
import Tokenization

/// One run of pretraining: from a configuration and an output directory to a trained checkpoint, through any number of
/// interruptions.
public final class Run {
    public let directory: RunDirectory
    public let threads: Int
    /// What was skipped, replaced or cut of the text that was read, once `start` has returned or failed.
    public private(set) var corpusReport = CorpusReport()
    private let requested: RunConfiguration
    private let resume: ResumeMode
    private let transfer: WeightTransfer?
    private let progress: ProgressLine
    private let report: (RunEvent) -> Void
    private let isWorthwhile: ((StepOutcome) -> Bool)?

    /// - Parameters:
    ///   - output: the run directory; created if need be.
    ///   - transfer: where the weights of a new run come from instead of chance.
    ///   - report: called on the thread of `start`, with the progress line out of the way.
    ///   - isWorthwhile: asked after every step; false ends the run, without a checkpoint.
    public init(
        _ configuration: RunConfiguration, output: String, resume: ResumeMode, threads: Int, progress: ProgressLine,
        transfer: WeightTransfer? = nil, report: @escaping (RunEvent) -> Void,
        isWorthwhile: ((StepOutcome) -> Bool)? = nil
    ) {
        requested = configuration
        directory = RunDirectory(path: output)
        self.resume = resume
        self.transfer = transfer
        self.threads = threads
        self.progress = progress
        self.report = report
        self.isWorthwhile = isWorthwhile
    }

    /// Trains until the last step or a signal.
    ///
    /// - Throws: what stands in the way, after the last good checkpoint was left intact.
    public func start() throws -> RunEnd {
        guard !requested.corpus.sources.isEmpty else { throw RunError.noSources }
        let lock = try directory.open()
        return try withExtendedLifetime(lock) {
            let pool = ThreadPool(threadCount: threads)
            defer { pool.shutDown() }
            let session = try RunSession(
                requested, directory: directory, resume: resume, transfer: transfer, pool: pool, progress: progress,
                report: report)
            defer { corpusReport = session.corpusReport }
            return try session.train(while: isWorthwhile)
        }
    }
}
