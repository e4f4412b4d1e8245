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
    /// Of both networks' layers, without tables and heads.
    public var layerParameters: Int
    public var flopsPerToken: Double
    /// Weights, moments, gradients and activations.
    public var memoryBytes: Int
    public var machineMemoryBytes: Int
    public var threads: Int
    public var lanes: Int
    /// What multiplies, and by which kernels.
    public var linearAlgebra: String
    public var steps: Int
    public var tokensPerStep: Int
    public var totalTokens: Int
    /// Measured on a few steps of a small batch; nil without measurement.
    public var tokensPerSecond: Double?
    public var gemmPeakGflops: Double?
    public var utilisation: Double?
    /// How many times as fast as single precision this processor multiplies in bfloat16; nil without measurement.
    public var bfloat16Gain: Double?
    /// Of the whole run.
    public var seconds: Double?
    /// A line a source: what it consists of.
    public var corpus: [String] = []
    /// Loss of one step on the first text; nil where the corpus was not looked at.
    public var firstLoss: Double?
    /// Muon's orthogonalization, of all operations of a step; 0 with other optimizers.
    public var optimizerShare: Double
    /// Of the text's beginning; an estimate where the vocabulary is still to be trained.
    public var bytesPerToken: Double?
    /// How often the run reads the whole corpus, about; compressed files count for several times their size.
    public var passes: Double?
    /// What could be better.
    public var advice: [String] = []

    /// - Parameters:
    ///   - measuring: run a few steps.
    ///   - checkingCorpus: look for the files.
    /// - Throws: what makes the configuration unusable here.
    public init(_ requested: RunConfiguration, threads: Int, measuring: Bool, checkingCorpus: Bool) throws {
        var configuration = requested
        // A vocabulary that is there has a size of its own, which decides what a step costs.
        let tokenizer = try FirstBatch.tokenizer(&configuration)
        if configuration.tokenizer.vocabularySize != requested.tokenizer.vocabularySize {
            advice.append(
                "the tokenizer has \(CountFormat.grouped(configuration.tokenizer.vocabularySize)) entries, whatever "
                    + "tokenizer.vocabulary_size says")
        }
        let length = configuration.corpus.sequenceLength
        let model = TrainingEngine.model(
            configuration.engine, vocabularySize: configuration.tokenizer.vocabularySize)
        let cost = ModelCost(configuration.engine, model: model, threads: threads)
        parameters = cost.parameters
        generatorParameters = cost.generatorParameters
        discriminatorParameters = cost.discriminatorParameters
        sharedParameters = cost.sharedParameters
        layerParameters = model.layout.specs.filter { $0.name.contains(".layers.") }.reduce(0) { $0 + $1.count }
        flopsPerToken = cost.flopsPerToken
        memoryBytes = cost.memoryBytes
        machineMemoryBytes = MachineLimits().resident.bytes
        self.threads = threads
        lanes = configuration.engine.laneCount
        linearAlgebra = configuration.training.precision.summary
        steps = configuration.training.steps
        tokensPerStep = configuration.training.sequencesPerStep * length
        totalTokens = configuration.plannedTokens
        optimizerShare =
            cost.optimizerFlops / (cost.optimizerFlops + cost.flopsPerToken * Double(max(1, tokensPerStep)))
        advice += configuration.training.precision.advice(threads: threads)
        if optimizerShare > 0.15 {
            advice.append(
                String(
                    format:
                        "orthogonalization (optimizer.kind: muon) is %.0f %% of a step's operations; larger batches make it "
                        + "cheaper", 100 * optimizerShare))
        }
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
            let listing = try CorpusListing(configuration.corpus)
            let survey = try CorpusSurvey(listing, byteLimit: FirstBatch.surveyBytes)
            corpus = survey.sources.map { source in
                "\(source.path): \(CountFormat.grouped(source.files)) files, \(ByteFormat.text(Int(source.fileBytes))); "
                    + (source.isComplete ? "" : "of the first part, ")
                    + "\(CountFormat.grouped(source.documents)) documents, "
                    + "\(CountFormat.grouped(source.heldOutDocuments)) held out"
            }
            advice += survey.advice(configuration.corpus)
            for entry in survey.skipped where !entry.kind.isRemark { advice.append("\(entry)") }
            let first = try FirstBatch(configuration, listing: listing, tokenizer: tokenizer, threads: threads)
            firstLoss = first.loss
            bytesPerToken = first.bytesPerToken
            passes = Double(totalTokens) * first.bytesPerToken / Double(max(1, listing.estimatedTextBytes))
        } else if configuration.corpus.sources.isEmpty {
            advice.append("corpus.sources is empty: there is nothing to train on yet")
        }
        if measuring, memoryBytes <= machineMemoryBytes {
            try measure(configuration)
            adviseOnTime(configuration)
            adviseOnPrecision(configuration.training.precision)
        }
    }

    /// A plan that nobody has the time for is not sound.
    private mutating func adviseOnTime(_ configuration: RunConfiguration) {
        guard let seconds, seconds > 0 else { return }
        let perStep = seconds / Double(steps)
        if seconds > 7 * 86_400 {
            advice.append(
                "the run takes \(DurationFormat.text(seconds)) at this speed; a smaller model, fewer training.steps or a "
                    + "smaller batch learn more in the time that there is")
        }
        for (what, every, key) in [
            ("evaluation", configuration.training.evaluateEvery, "training.evaluate_every"),
            ("checkpoint", configuration.training.checkpointEvery, "training.checkpoint_every"),
        ] {
            var first = Double(every == 0 ? steps : min(every, steps)) * perStep
            if what == "checkpoint", let minutes = configuration.training.checkpointMinutes {
                first = min(first, 60 * Double(minutes))
            }
            if first > 3600 {
                advice.append("the first \(what) comes after \(DurationFormat.text(first)); lower \(key)")
            }
        }
        if let passes, passes > 40 {
            advice.append(
                String(
                    format: "the text is read about %.0f times; beyond a few dozen times little more is learned", passes
                ))
        }
    }

    private mutating func adviseOnPrecision(_ precision: ProductPrecision) {
        guard let gain = bfloat16Gain else { return }
        let factor = String(format: "%.1f", gain)
        if precision == .float32, gain > 1.2 {
            advice.append(
                "this processor multiplies \(factor) times as fast in bfloat16 (\(ProductPrecision.bfloat16.summary)): "
                    + "training.precision: bfloat16, decided before a run begins")
        }
        if precision == .bfloat16, gain < 1 {
            advice.append(
                "this processor multiplies bfloat16 at \(factor) times the speed of float32 "
                    + "(\(ProductPrecision.bfloat16.summary)): training.precision: float32 is faster")
        }
    }

    /// A few steps of one chunk per thread, and of two: what a step costs however large it is, and what each token adds.
    private mutating func measure(_ configuration: RunConfiguration) throws {
        var small = configuration
        let perChunk = max(1, configuration.training.chunkTokens / configuration.corpus.sequenceLength)
        let used = min(threads, lanes)
        small.training.batchSize = min(configuration.training.sequencesPerStep, perChunk * used)
        small.training.accumulationSteps = 1
        small.training.lanes = used
        // Of a fraction that falls on the way, that of the whole run.
        small.objective.maskFraction = small.objective.meanMaskFraction
        small.objective.finalMaskFraction = nil
        let pool = try ThreadPool.reserving(threadCount: threads)
        defer { pool.shutDown() }
        bfloat16Gain =
            Kernels.measurePeak(pool, precision: .bfloat16) / Kernels.measurePeak(pool, precision: .float32)
        let report = try StepBenchmark.run(small, pool: pool, steps: 3, warmup: 1)
        var speed = report.tokensPerSecond
        var share = report.utilisation
        let (few, all) = (small.training.batchSize, configuration.training.sequencesPerStep)
        if all >= 2 * few {
            small.training.batchSize = 2 * few
            let twice = try StepBenchmark.run(small, pool: pool, steps: 3, warmup: 1)
            let one = Double(few) / report.tokensPerSecond
            // Clocks waver: not more than all of a step is for its tokens, and half of it at least.
            let each = min(max(2 * Double(few) / twice.tokensPerSecond - one, one / 2), one) / Double(few)
            let reckoned = Double(all) / (one - each * Double(few) + each * Double(all))
            share *= reckoned / speed
            speed = reckoned
        }
        tokensPerSecond = speed
        gemmPeakGflops = report.gemmPeakGflops
        utilisation = share
        seconds = Double(totalTokens) / speed
    }
}
