import Configuration
import Corpus
import Engine
import Formatting
import Foundation
import Kernels
import Machine
import Pretraining

/// A configuration for a corpus, this machine and a time, to begin with.
///
/// Everything but size, batch, length and precision is that of the preset `small`, made as large as the time allows. How large is a
/// rule of thumb for language models, about twenty tokens for every parameter (Hoffmann et al. 2022, arXiv 2203.15556): nobody
/// has measured it for encoders of this size, and it only says which sizes cannot be right.
public struct RunSuggestion: Sendable {
    /// Tokens for every parameter of the layers.
    private static let tokensPerParameter = 20.0
    /// Passes over the text beyond which more steps teach little.
    private static let sensiblePasses = 40.0
    /// Share of a step's operations beyond which Muon's own products are made cheaper by larger batches.
    private static let sensibleOptimizerShare = 0.2
    private static let preset = Preset.small
    /// Sequences, at least.
    private static let sensibleBatch = 32

    /// A variant of the preset that it names.
    public let configuration: RunConfiguration
    /// Why the values are what they are, a line each.
    public let reasons: [String]

    /// - Parameters:
    ///   - corpus: sources and how they are read.
    ///   - settings: `corpus.key=value`, with which the corpus came about: what they name stays as it is.
    ///   - hours: of training.
    /// - Throws: what reading the corpus or measuring throws.
    public init(corpus asked: CorpusConfiguration, settings: [String], hours: Double, threads: Int) throws {
        let listing = try CorpusListing(asked)
        let bytes = listing.estimatedTextBytes
        let (corpus, setsHeldOut) = try Self.divided(asked, bytes: bytes, settings: settings)
        let survey = try CorpusSurvey(listing, byteLimit: FirstBatch.surveyBytes)
        let textTokens = Double(bytes) / 4
        let sequencesPerThread = max(1, EngineConfiguration.tokensPerDefaultLane / corpus.sequenceLength)
        let smallestBatch = max(Self.sensibleBatch, sequencesPerThread * threads)
        var chosen: (configuration: RunConfiguration, speed: Double)?
        var reasons: [String] = []
        // Steps per hour decide more than rounding does: see docs/RESULTS.md.
        let multipliesBFloat16 = ProductPrecision.isBFloat16Fast
        for (layers, hidden) in [(3, 128), (4, 192), (6, 256), (8, 384), (12, 512), (12, 768)] {
            var candidate = Self.preset.configuration
            Preset.setShape(
                &candidate.model, layerCount: layers, hiddenSize: hidden, headCount: max(2, hidden / 64))
            candidate.corpus = corpus
            if multipliesBFloat16 { candidate.training.precision = .bfloat16 }
            candidate.tokenizer.vocabularySize = Self.vocabulary(bytes)
            candidate.training.batchSize = smallestBatch
            if threads > EngineConfiguration.mostDefaultLanes { candidate.training.lanes = threads }
            while candidate.training.batchSize < 256,
                try RunForecast(candidate, threads: threads, measuring: false, checkingCorpus: false).optimizerShare
                    > Self.sensibleOptimizerShare
            {
                candidate.training.batchSize *= 2
            }
            let forecast: RunForecast
            do {
                forecast = try RunForecast(candidate, threads: threads, measuring: true, checkingCorpus: false)
            } catch let shortage as MemoryShortage {
                // A smaller one has been found.
                if chosen != nil { break }
                throw shortage
            }
            guard let speed = forecast.tokensPerSecond else { break }
            // What the run will see, which may be less than there is time for.
            let tokens = min(speed * hours * 3600, Self.sensiblePasses * textTokens)
            let parameters = Double(forecast.layerParameters)
            if chosen != nil, tokens < Self.tokensPerParameter * parameters { break }
            chosen = (candidate, speed)
        }
        guard let (candidate, speed) = chosen else { throw CorpusError.noSources }
        var configuration = candidate
        let perStep = configuration.training.sequencesPerStep * configuration.corpus.sequenceLength
        let affordable = speed * hours * 3600
        let tokens = min(affordable, Self.sensiblePasses * textTokens)
        let steps = max(100, Int(tokens) / perStep)
        configuration.training.steps = steps
        configuration.optimizer.warmupSteps = max(10, min(1000, steps / 20))
        configuration.training.evaluateEvery = max(1, steps / 20)
        configuration.training.checkpointEvery = configuration.training.evaluateEvery
        configuration.evaluation.tokens = 32_768
        reasons.append(
            "\(configuration.model.layerCount) layers of \(configuration.model.hiddenSize): the largest shape with twenty "
                + "tokens for every parameter in "
                + (tokens < affordable ? "forty passes over the text" : "\(Self.text(hours)) h")
                + " at \(Int(speed)) tokens/s on \(threads) threads")
        let batchSize = configuration.training.batchSize
        let isGrown = batchSize > smallestBatch
        let whyBatch =
            isGrown
            ? "so that Muon's own products are a small part"
            : sequencesPerThread * threads < Self.sensibleBatch
                ? "\(Self.sensibleBatch) at least"
                : "\(CountFormat.grouped(EngineConfiguration.tokensPerDefaultLane)) tokens for every thread"
        reasons.append("batches of \(batchSize) sequences: \(whyBatch)")
        reasons.append(
            "\(steps) steps of \(perStep) tokens: about \(Self.text(Double(steps * perStep) / max(1, textTokens))) passes over "
                + "the text, at four bytes a token")
        if tokens < affordable {
            reasons.append(
                "the time would allow \(Self.text(affordable / max(1, textTokens))) passes; beyond forty they teach little: more "
                    + "text would help more than more time")
        }
        reasons.append(
            "vocabulary \(setsHeldOut ? "and held-out share " : "")by the size of the text, "
                + "\(ByteFormat.text(Int(bytes)))\(bytes == listing.bytes ? "" : " by a rule of thumb for compressed files"); "
                + "warmup a twentieth")
        if multipliesBFloat16 { reasons.append("products in bfloat16, for which this processor has instructions") }
        reasons += survey.advice(configuration.corpus)
        self.configuration = configuration
        self.reasons = reasons
    }

    /// What it says beyond its preset, below the reasons as comments. `--set` and the arms of a comparison can then choose another
    /// objective, to which the preset's other values are adapted.
    ///
    /// - Throws: only what `visit` throws.
    public func yaml() throws -> String {
        reasons.map { ConfigurationWriter.comment($0) }.joined()
            + (try ConfigurationWriter.yaml(
                configuration, unlike: Self.preset.configuration, keeping: ["model.preset"], comments: true))
    }

    /// A corpus with a held-out share by the size of the text, unless settings name one, be it the default.
    ///
    /// - Returns: the corpus, and whether it was given the share.
    /// - Throws: `ConfigurationError` for settings that are none.
    package static func divided(
        _ corpus: CorpusConfiguration, bytes: Int64, settings: [String]
    ) throws -> (corpus: CorpusConfiguration, setsHeldOut: Bool) {
        guard try ConfigurationReader.peek("corpus.held_out", overrides: settings) == nil else {
            return (corpus, false)
        }
        var corpus = corpus
        corpus.heldOut = heldOut(bytes)
        return (corpus, true)
    }

    private static func vocabulary(_ bytes: Int64) -> Int {
        switch bytes {
        case ..<3_000_000: 2048
        case ..<10_000_000: 4096
        case ..<100_000_000: 8192
        case ..<1_000_000_000: 16_384
        default: 30_522
        }
    }

    /// About a hundred thousand tokens are enough to tell losses apart.
    private static func heldOut(_ bytes: Int64) -> Double {
        let share = 400_000 / Double(max(1, bytes))
        return min(0.05, max(0.0005, (share * 10_000).rounded() / 10_000))
    }

    private static func text(_ value: Double) -> String { String(format: value < 10 ? "%.1f" : "%.0f", value) }
}
