import Corpus
import Foundation
import Kernels
import Tokenization

/// What is around the steps: checkpoints and the loader.
extension PerformanceThresholds {
    func checkpointChecks() throws -> [Check] {
        try checkpoints.map { checkpoint in
            let configuration = try Self.configuration(
                checkpoint.preset, batch: checkpoint.batch, sequence: checkpoint.sequence)
            return {
                let pool = ThreadPool(threadCount: ProcessInfo.processInfo.activeProcessorCount)
                defer { pool.shutDown() }
                let report = try CheckpointBenchmark.run(
                    trainedBy: configuration, steps: max(1, checkpoint.steps), pool: pool,
                    folder: NSTemporaryDirectory(), rounds: 9)
                let name = "checkpoint of \(checkpoint.preset)"
                let hash = report.hash.bytesPerCoreSecond
                return [
                    Outcome(
                        "\(name): saving relative to SHA-256", report.save.bytesPerCoreSecond / hash, .atLeast,
                        checkpoint.minimumSavingSpeed),
                    Outcome(
                        "\(name): loading relative to SHA-256", report.load.bytesPerCoreSecond / hash, .atLeast,
                        checkpoint.minimumLoadingSpeed),
                    Outcome("\(name): stored share", report.ratio, .atMost, checkpoint.maximumStoredShare),
                ]
            }
        }
    }

    func loaderChecks() throws -> [Check] {
        try loaders.map { loader in
            var configuration = try Self.configuration(loader.preset, batch: loader.batch, sequence: loader.sequence)
            let name = "loader of \(loader.preset), \(loader.batch) × \(loader.sequence)"
            return {
                let folder = "\(NSTemporaryDirectory())/pretrain-bench-text-\(getpid())"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                defer { try? FileManager.default.removeItem(atPath: folder) }
                let path = "\(folder)/text.txt"
                let text = MadeUpText.bytes(count: 16 << 20, seed: 1)
                try Data(text).write(to: URL(fileURLWithPath: path))
                configuration.corpus.sources = [CorpusSource(path: path)]
                let trainer = try BPETrainer(
                    vocabularySize: configuration.tokenizer.vocabularySize,
                    minimumFrequency: configuration.tokenizer.minimumFrequency)
                text.withUnsafeBufferPointer { trainer.feed($0) }
                let tokenizer = trainer.train()
                configuration.tokenizer.vocabularySize = tokenizer.vocabularySize
                let pool = ThreadPool(threadCount: loader.threads)
                defer { pool.shutDown() }
                let report = try LoaderBenchmark.run(
                    configuration, tokenizer: tokenizer, pool: pool, batches: 500, steps: 2)
                return [
                    Outcome(
                        "\(name): encoding relative to FNV-1a",
                        report.encodedBytesPerCoreSecond / report.hashedBytesPerCoreSecond, .atLeast,
                        loader.minimumEncodingSpeed),
                    Outcome(
                        "\(name), \(Self.threads(loader.threads)): share of a step", report.shareOfStep ?? .infinity,
                        .atMost, loader.maximumShareOfStep),
                ]
            }
        }
    }
}
