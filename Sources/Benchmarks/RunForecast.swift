import Configuration
import Corpus
import Engine
import Formatting
import Foundation
import Kernels
import Machine
import Objectives
import Pretraining

/// What a configuration will cost on this machine, before any training.
public struct RunForecast: Encodable, Sendable {
    public var parameters: Int
    public var generatorParameters: Int
    public var discriminatorParameters: Int
    public var sharedParameters: Int
    public var flopsPerToken: Double
    /// Weights, moments, gradients and activations.
    public var memoryBytes: Int
    public var machineMemoryBytes: Int
    public var threads: Int
    public var lanes: Int
    public var steps: Int
    public var tokensPerStep: Int
    public var totalTokens: Int
    /// Measured on a few steps of a small batch; nil without measurement.
    public var tokensPerSecond: Double?
    public var gemmPeakGflops: Double?
    public var utilisation: Double?
    /// Of the whole run.
    public var seconds: Double?
    /// A line a source: what it consists of.
    public var corpus: [String] = []
    /// What could be better.
    public var advice: [String] = []

    /// - Parameters:
    ///   - measuring: run a few steps.
    ///   - checkingCorpus: look for the files.
    /// - Throws: what makes the configuration unusable here.
    public init(_ configuration: RunConfiguration, threads: Int, measuring: Bool, checkingCorpus: Bool) throws {
        let length = configuration.corpus.sequenceLength
        let model = TrainingEngine.model(
            configuration.engine, vocabularySize: configuration.tokenizer.vocabularySize)
        let cost = ModelCost(configuration.engine, model: model, threads: threads)
        parameters = cost.parameters
        generatorParameters = cost.generatorParameters
        discriminatorParameters = cost.discriminatorParameters
        sharedParameters = cost.sharedParameters
        flopsPerToken = cost.flopsPerToken
        memoryBytes = cost.memoryBytes
        machineMemoryBytes = MachineLimits().resident.bytes
        self.threads = threads
        lanes = configuration.engine.laneCount
        steps = configuration.training.steps
        tokensPerStep = configuration.training.sequencesPerStep * length
        totalTokens = configuration.plannedTokens
        // Without measurement the forecast may be for another machine.
        if measuring { try cost.checkMemory() }
        if memoryBytes > machineMemoryBytes {
            advice.append(
                "the run needs more memory than this machine has; lower training.lanes or training.chunk_tokens")
        }
        if lanes < threads {
            advice.append(
                "training.lanes is \(lanes), so only \(lanes) of \(threads) threads will compute; raise it")
        }
        if lanes % threads != 0, lanes > threads {
            advice.append("\(lanes) lanes do not divide among \(threads) threads; training.lanes could be a multiple")
        }
        if checkingCorpus, !configuration.corpus.sources.isEmpty {
            corpus = try CorpusListing(configuration.corpus).sources.map { source in
                "\(source.configuration.path): \(CountFormat.grouped(source.files.count)) files, "
                    + ByteFormat.text(Int(source.bytes))
            }
        } else if configuration.corpus.sources.isEmpty {
            advice.append("corpus.sources is empty: there is nothing to train on yet")
        }
        if measuring, memoryBytes <= machineMemoryBytes { try measure(configuration) }
    }

    /// A few steps of one chunk per thread: enough for the speed, however large the batch.
    private mutating func measure(_ configuration: RunConfiguration) throws {
        var small = configuration
        let perChunk = max(1, configuration.training.chunkTokens / configuration.corpus.sequenceLength)
        let used = min(threads, lanes)
        small.training.batchSize = min(configuration.training.sequencesPerStep, perChunk * used)
        small.training.accumulationSteps = 1
        small.training.lanes = used
        let pool = try ThreadPool.reserving(threadCount: threads)
        defer { pool.shutDown() }
        let report = try StepBenchmark.run(small, pool: pool, steps: 3, warmup: 1)
        tokensPerSecond = report.tokensPerSecond
        gemmPeakGflops = report.gemmPeakGflops
        utilisation = report.utilisation
        seconds = Double(totalTokens) / report.tokensPerSecond
    }
}
