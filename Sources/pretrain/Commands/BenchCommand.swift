import ArgumentParser
import Foundation
import Kernels
import Training

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures this machine.",
        subcommands: [BenchStepCommand.self])
}

struct BenchStepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "step",
        abstract: "Measures whole training steps on random tokens.",
        discussion: """
            Utilisation is the share of the GEMM peak, measured right before, that the model's floating-point \
            operations come to; recomputation does not count.

              pretrain bench step --preset electra-small --batch 32 --sequence 128 --threads 2 --json
            """)

    @OptionGroup var options: ConfigurationOptions
    @Option(help: "Sequences of a step.")
    var batch: Int?
    @Option(help: "Tokens of a sequence.")
    var sequence: Int?
    @Option(help: "Steps that are measured.")
    var steps = 8
    @Option(help: "Steps before the measurement.")
    var warmup = 2
    @OptionGroup var threading: ThreadOptions
    @OptionGroup var report: ReportOptions

    func validate() throws {
        if !(1...100_000).contains(steps) { throw ValidationError("--steps must be from 1 to 100000") }
        if !(0...100_000).contains(warmup) { throw ValidationError("--warmup must be from 0 to 100000") }
    }

    func run() throws {
        var options = options
        if let batch { options.settings.append("training.batch_size=\(batch)") }
        if let sequence {
            options.settings.append("corpus.sequence_length=\(sequence)")
        }
        let (configuration, _) = try options.resolve()
        let pool = ThreadPool(threadCount: threading.count)
        let line = ProgressLine(quiet: report.json)
        let result = try StepBenchmark.run(configuration, pool: pool, steps: steps, warmup: warmup) { step in
            line.update(step: step) { ["measuring step \(step) of \(warmup + steps)"] }
        }
        line.clear()
        try report.show(result) {
            """
            \(CountFormat.grouped(Int(result.tokensPerSecond))) tokens/s (median of \(steps); best \
            \(CountFormat.grouped(Int(result.bestTokensPerSecond)))), \(result.batch) × \(result.sequence), \
            \(result.threads) threads
            \(String(format: "%.1f", 100 * result.utilisation)) % of the GEMM peak, \
            \(String(format: "%.0f", result.gemmPeakGflops)) GFLOP/s (OpenBLAS \(result.linearAlgebra)); \
            \(String(format: "%.1f", result.flopsPerToken * 1e-6)) MFLOP per token
            \(ByteFormat.text(result.peakMemoryBytes)) of memory at most
            """
        }
    }
}
