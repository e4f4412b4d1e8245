import ArgumentParser
import Benchmarks
import Formatting
import Foundation
import Kernels
import Pretraining
import Runs
import Tokenization

struct BenchLoaderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loader",
        abstract: "Measures reading, tokenizing and packing, and their share of a step.",
        discussion: """
            Needs a corpus and a tokenizer. Speeds are in bytes of text per second that a processor was at work.

              pretrain bench loader --preset electra-small --set 'corpus.sources=[{path: corpora/mine/*.txt}]' \
            --set tokenizer.path=checkpoints/mine/tokenizer.json
            """)

    @OptionGroup var options: ConfigurationOptions
    @Option(help: "Batches that are loaded.")
    var batches = 2000
    @Option(help: "Training steps to compare with; 0 for none.")
    var steps = 3
    @OptionGroup var threading: ThreadOptions
    @OptionGroup var report: ReportOptions

    func validate() throws {
        if !(1...1_000_000).contains(batches) { throw ValidationError("--batches must be from 1 to 1000000") }
        if !(0...100_000).contains(steps) { throw ValidationError("--steps must be from 0 to 100000") }
    }

    func run() throws {
        var (configuration, _) = try options.resolve()
        guard !configuration.corpus.sources.isEmpty else { throw PretrainingError.noSources }
        guard let path = configuration.tokenizer.path else {
            throw ValidationError("name a tokenizer: --set tokenizer.path=tokenizer.json")
        }
        let tokenizer = try Tokenizer(contentsOf: path)
        configuration.tokenizer.vocabularySize = tokenizer.vocabularySize
        let pool = try threading.pool()
        defer { pool.shutDown() }
        let line = ProgressLine(quiet: report.json)
        let result = try LoaderBenchmark.run(
            configuration, tokenizer: tokenizer, pool: pool, batches: batches, steps: steps
        ) { phase in line.update(step: 0) { [ProgressField(phase)] } }
        line.clear()
        SkippedText.note(result.skipped)
        try report.show(result) {
            var lines = [
                String(
                    format: "tokenizing  %.0f MB/s per core, %.2f bytes per token",
                    result.encodedBytesPerCoreSecond * 1e-6,
                    result.bytesPerToken),
                String(
                    format: "loading     %.0f MB/s per core, the first batch after %.2f s",
                    result.loadedBytesPerCoreSecond * 1e-6, result.firstBatchSeconds),
            ]
            if let share = result.shareOfStep, let speed = result.stepTokensPerSecond {
                lines.append(
                    String(
                        format: "share       %.3f %% of the processors' time at %@ tokens/s on %d threads", 100 * share,
                        CountFormat.grouped(Int(speed)), threading.count))
            }
            return lines.joined(separator: "\n")
        }
    }
}
