import ArgumentParser
import CProcessor
import Foundation
import Kernels
import Machine
import Pretraining
import Runs

/// The command line: parses arguments, calls the library targets and shows what they return.
@main
struct Pretrain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pretrain",
        abstract: "Pretrains encoder language models with replaced-token detection, on CPUs.",
        version: programVersion,
        subcommands: [
            RunCommand.self, ConfigCommand.self, CorpusCommand.self, TokenizerCommand.self, EvaluateCommand.self,
            AnalyzeCommand.self,
            PlotCommand.self, ReportCommand.self, WatchCommand.self,
            DetectCommand.self, FillCommand.self, EmbedCommand.self,
            CheckpointCommand.self, ExportCommand.self, ImportCommand.self,
            BenchCommand.self,
            CoordinateCheckCommand.self, TransferCommand.self, CompareCommand.self,
            FinetuneCommand.self, PredictCommand.self, SuiteCommand.self, MPILibraryCommand.self,
        ]
    )

    static func main() async {
        let missing = String(cString: processor_missing_features())
        guard missing.isEmpty else {
            Terminal.complain(
                """
                this binary was built for \(String(cString: processor_compiled_for())), and this processor lacks: \(missing).
                Build it for this machine: make build MARCH=native
                """)
            leave(ExitStatus.unsuitableMachine)
        }
        LinearAlgebraChoice.apply()
        do {
            // Below this even parsing arguments may end in a crash of the run-time system.
            try MachineLimits().check("pretrain", bytes: 0, reserved: 192 << 20, advice: "too little for any command")
            try ProductPrecision.checkInstallation()
            var command = try await asyncParseAsRoot(nil)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch is CancellationError where TerminationSignals.pending != nil {
            Terminal.note("stopped by \(TerminationSignals.pending.map { "\($0)" } ?? "a signal")")
            leave(ExitStatus.stoppedBySignal)
        } catch {
            // Help and the like; what goes wrong may quote a path, which may hold anything.
            let message = fullMessage(for: error)
            if !message.isEmpty {
                if exitCode(for: error).isSuccess { print(message) } else { Terminal.note(message) }
            }
            leave(exitCode(for: error).rawValue)
        }
        leave(0)
    }

    /// Ends the process without what libraries do at its end: OpenBLAS waits for its threads, and one that finds no memory for its
    /// work area tries for ever.
    private static func leave(_ status: Int32) -> Never {
        fflush(nil)
        _exit(status)
    }
}
