import ArgumentParser
import Benchmarks
import Checkpoints
import Formatting
import Foundation
import Runs

struct BenchCheckpointCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint",
        abstract: "Measures saving, loading and verifying checkpoints.",
        discussion: """
            Takes the tensors of a checkpoint, because trained ones are what has to be compressed, and writes them again \
            and again to a folder of its own. Speeds are in bytes of uncompressed tensors per second that a processor \
            was at work, so other programs hardly disturb them; seconds include waiting for the disk. SHA-256, of two streams side by \
            side, stands there to compare with.

              pretrain bench checkpoint checkpoints/mine --rounds 9 --json
            """)

    @Argument(help: "A checkpoint, or a run directory, which stands for its newest one.", completion: .directory)
    var path: String
    @Option(help: "Where to write. Default: the folder for temporary files.", completion: .directory)
    var folder: String?
    @Option(help: "Times that everything is done; the median counts.")
    var rounds = 5
    @Option(help: "Threads that load and verify; saving takes one, as beside training.")
    var threads = 1
    @OptionGroup var report: ReportOptions

    func validate() throws {
        if !(1...1000).contains(rounds) { throw ValidationError("--rounds must be from 1 to 1000") }
        if !(1...1000).contains(threads) { throw ValidationError("--threads must be from 1 to 1000") }
        if folder?.isEmpty == true { throw ValidationError("--folder is empty; name a directory") }
    }

    func run() throws {
        let line = ProgressLine(quiet: report.json)
        let result = try CheckpointBenchmark.run(
            checkpoint: CheckpointLocation(resolving: path).newest(), folder: folder ?? NSTemporaryDirectory(),
            rounds: rounds, threads: threads
        ) { round in line.update(step: round) { [ProgressField("round \(round) of \(rounds)")] } }
        line.clear()
        try report.show(result) {
            func row(_ name: String, _ operation: CheckpointBenchmark.Operation) -> [String] {
                [
                    name, String(format: "%.2f GB/s", operation.bytesPerCoreSecond * 1e-9),
                    String(format: "%.3f s", operation.processorSeconds), String(format: "%.3f s", operation.seconds),
                ]
            }
            return """
                \(ByteFormat.text(result.bytes)) of tensors, \(String(format: "%.1f", 100 * result.ratio)) % on disk; \
                median of \(rounds)
                \(TextTable(
                    header: ["", "per core", "processor time", "time"], rightAligned: [1, 2, 3],
                    rows: [
                        row("save", result.save), row("load", result.load), row("verify", result.verify),
                        row("SHA-256", result.hash),
                    ]
                ).text)
                a checkpoint beside training holds it up for \(String(format: "%.0f", 1000 * result.copySeconds)) ms
                """
        }
    }
}
