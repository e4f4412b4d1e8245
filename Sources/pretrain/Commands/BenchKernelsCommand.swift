import ArgumentParser
import Benchmarks
import Foundation
import Kernels
import Runs

struct BenchKernelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernels",
        abstract: "Measures every kernel against what the machine could do.",
        discussion: """
            Each kernel runs alone, on all threads, with operands of a configuration's shapes that come from memory as in \
            a step. Its roofline is the time that its operations would take at the measured GEMM peak or its operands \
            at the measured memory bandwidth, whichever is longer; the last column is the share of it that was reached.

              pretrain bench kernels --preset electra-small --sequence 128
              pretrain bench kernels --preset electra-base --threads 1 --json
            """)

    @OptionGroup var options: ConfigurationOptions
    @Option(help: "Tokens of a sequence.")
    var sequence: Int?
    @OptionGroup var threading: ThreadOptions
    @OptionGroup var report: ReportOptions

    func run() throws {
        var options = options
        if let sequence { options.settings.append("corpus.sequence_length=\(sequence)") }
        let (configuration, _) = try options.resolve()
        let line = ProgressLine(quiet: report.json)
        let result = try KernelBenchmark.run(
            configuration, pool: threading.pool()
        ) { name in
            line.update(step: 0) { [ProgressField("measuring \(name)")] }
        }
        line.clear()
        try report.show(result) {
            let rows = result.kernels.map { kernel in
                [
                    kernel.name, kernel.shape, String(format: "%.3f", 1e3 * kernel.secondsPerCall),
                    String(format: "%.1f", kernel.gigaflopsPerSecond),
                    String(format: "%.1f", kernel.gigabytesPerSecond),
                    String(format: "%.0f %%", 100 * kernel.rooflineShare),
                ]
            }
            let header = ["kernel", "shape", "ms a call", "GFLOP/s", "GB/s", "of roofline"]
            return """
                \(result.threads) threads; GEMM peak \(String(format: "%.0f", result.gemmPeakGflops)) GFLOP/s, memory \
                \(String(format: "%.1f", result.memoryGigabytesPerSecond)) GB/s; \(result.linearAlgebra)

                \(TextTable(header: header, rightAligned: Set(2...5), rows: rows).text)
                """
        }
    }
}
