import ArgumentParser
import Benchmarks
import Formatting
import Foundation
import Kernels
import Runs

struct BenchStepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "step",
        abstract: "Measures whole training steps on random tokens.",
        discussion: """
            Utilisation is the share of the GEMM peak, measured right before, that the model's floating-point \
            operations come to; recomputation does not count. --profile takes the steps apart: time, operations and \
            bytes of every phase, kernel and shape of product, as shares of the measured GEMM peak and memory bandwidth.

              pretrain bench step --preset electra-small --batch 32 --sequence 128 --threads 2 --json
              pretrain bench step --preset electra-small --batch 32 --sequence 128 --profile
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
    @Flag(help: "Show where the time goes, by phase and kernel.")
    var profile = false
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
        let pool = try threading.pool()
        let line = ProgressLine(quiet: report.json)
        let result = try StepBenchmark.run(
            configuration, pool: pool, steps: steps, warmup: warmup, profiling: profile
        ) { step in
            line.update(step: step) { [ProgressField("measuring step \(step) of \(warmup + steps)")] }
        }
        line.clear()
        try report.show(result) {
            """
            \(CountFormat.grouped(Int(result.tokensPerSecond))) tokens/s (median of \(steps); best \
            \(CountFormat.grouped(Int(result.bestTokensPerSecond)))), \(result.batch) × \(result.sequence), \
            \(result.threads) threads
            \(String(format: "%.1f", 100 * result.utilisation)) % of the GEMM peak, \
            \(String(format: "%.0f", result.gemmPeakGflops)) GFLOP/s (\(result.linearAlgebra)); \
            \(String(format: "%.1f", result.flopsPerToken * 1e-6)) MFLOP per token
            \(ByteFormat.text(result.peakMemoryBytes)) of memory at most\
            \(result.profile.map { "\n\n" + Self.text($0) } ?? "")
            """
        }
    }

    private static func text(_ profile: StepProfile) -> String {
        func table(_ title: String, _ parts: [StepProfile.Part]) -> String {
            let rows = parts.map { part in
                [
                    part.name, String(format: "%.0f", part.calls), String(format: "%.1f", 1e3 * part.threadSeconds),
                    String(format: "%.1f %%", 100 * part.timeShare), String(format: "%.2f", part.gigaflops),
                    String(format: "%.2f", part.gigabytes), String(format: "%.0f %%", 100 * part.peakShare),
                    String(format: "%.0f %%", 100 * part.bandwidthShare),
                ]
            }
            let header = [title, "calls", "thread ms", "time", "GFLOP", "GB", "of GEMM peak", "of bandwidth"]
            return TextTable(header: header, rightAligned: Set(1...7), rows: rows).text
        }
        return """
            A step takes \(String(format: "%.1f", 1e3 * profile.stepSeconds)) ms on each of \(profile.threads) threads. \
            GEMM peak \(String(format: "%.0f", profile.gemmPeakGflops)) GFLOP/s, memory \
            \(String(format: "%.1f", profile.memoryGigabytesPerSecond)) GB/s, measured just now. Times are without what \
            is called from there and has a row of its own.

            \(table("phase", profile.phases))

            \(table("kernel", profile.kernels))

            \(table("product, n × m × depth", Array(profile.products.prefix(24))))
            """
    }
}
