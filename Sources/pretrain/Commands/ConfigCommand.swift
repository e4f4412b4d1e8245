import ArgumentParser
import Benchmarks
import Configuration
import Corpus
import FineTuning
import Formatting
import Foundation
import Kernels
import Objectives
import Pretraining

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Shows, checks and documents configurations.",
        subcommands: [
            ConfigShowCommand.self, ConfigCheckCommand.self, ConfigSuggestCommand.self, ConfigKeysCommand.self,
        ])
}

struct ConfigShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Prints the resolved configuration as YAML: preset, file and settings together.")

    @OptionGroup var options: ConfigurationOptions
    @Flag(help: "With an explanation beside every key.")
    var comments = false

    func run() throws {
        let (configuration, _) = try options.resolve()
        try OutputBuffer.print(try ConfigurationWriter.yaml(configuration, comments: comments), terminator: "")
    }
}

struct ConfigKeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Lists every key with its type, range, default and meaning.",
        discussion: """
            Those of a run, or with --finetuning those of a task and how it is learned, which finetune and suite read from \
            task.yaml and --set.

              pretrain config keys
              pretrain config keys --finetuning
            """)

    @Flag(name: .customLong("finetuning"), help: "The keys of a task's file.")
    var listsTasks = false
    @OptionGroup var report: ReportOptions

    func run() throws {
        let documentation =
            try listsTasks
            ? ConfigurationDocumentation(of: FineTuningConfiguration())
            : ConfigurationDocumentation(of: RunConfiguration())
        try report.show(documentation) { documentation.text(columns: Terminal.outputColumns) }
    }
}

struct ConfigCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks a configuration before any training, and tells what it will cost.",
        discussion: """
            Opens all that the run will open, looks at the beginning of the text and takes a step on it. Reports \
            parameters, FLOPs per token, memory, and the time that the run will take at the speed that a few steps reach on \
            this machine. `pretrain corpus check` looks at all of the text.
            """)

    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var threading: ThreadOptions
    @Flag(help: "Do not measure the speed: checks and shapes only.")
    var noMeasurement = false
    @OptionGroup var report: ReportOptions

    func run() throws {
        var unread: [String] = []
        var (configuration, _) = try options.resolve { unread.append($0) }
        var length: String?
        if let hours = configuration.training.hours {
            length = "training.hours: how many steps they are is measured when the run begins; these are training.steps"
            if !noMeasurement {
                (configuration, length) = try RunLength.measured(configuration, hours: hours, threads: threading.count)
            }
        }
        var result = try RunForecast(
            configuration, threads: threading.count, measuring: !noMeasurement, checkingCorpus: true)
        result.advice.insert(contentsOf: [length].compactMap(\.self) + unread, at: 0)
        try report.show(result) { ForecastText.text(result) }
    }
}

struct ConfigSuggestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suggest",
        abstract: "Writes a configuration for a corpus, this machine and a time, to begin with.",
        discussion: """
            Measures how fast models of several sizes train here, and takes the largest that sees about twenty tokens for \
            every parameter in the time: a rule of thumb, not a measurement. The YAML goes to standard output: the reasons as \
            comments (on standard error too, where it goes to a file), and what differs from the preset small.

              pretrain config suggest --input corpora/mine --hours 8 > mine.yaml
            """)

    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp("Files, folders or globs of text.", valueName: "path"))
    var input: [String] = []
    @Option(help: "Hours of training.")
    var hours = 8.0
    @OptionGroup var reading: ReadingOptions
    @OptionGroup var threading: ThreadOptions

    func validate() throws {
        if input.isEmpty && !reading.namesSources { throw ValidationError("name the text: --input PATH") }
        if !(hours > 0 && hours <= 100_000) { throw ValidationError("--hours must be above 0 and at most 100000") }
    }

    func run() throws {
        let corpus = try reading.resolve(input, base: CorpusConfiguration())
        let suggestion = try RunSuggestion(
            corpus: corpus, settings: reading.settings, hours: hours, threads: threading.count)
        if !Terminal.standardOutputIsTerminal {
            for reason in suggestion.reasons { Terminal.note(reason) }
        }
        try OutputBuffer.print(try suggestion.yaml(), terminator: "")
    }
}

private enum ForecastText {
    static func text(_ forecast: RunForecast) -> String {
        var lines = [
            "the configuration is sound",
            "parameters        \(CountFormat.grouped(forecast.parameters)) "
                + "(generator \(CountFormat.text(forecast.generatorParameters)), discriminator "
                + "\(CountFormat.text(forecast.discriminatorParameters)), shared "
                + "\(CountFormat.text(forecast.sharedParameters)))",
            "FLOPs per token   \(CountFormat.text(Int(forecast.flopsPerToken)))"
                + (forecast.optimizerShare > 0
                    ? String(format: ", and %.1f %% of all operations for Muon", 100 * forecast.optimizerShare) : ""),
            "memory            \(ByteFormat.text(forecast.memoryBytes)) of \(ByteFormat.text(forecast.machineMemoryBytes)) "
                + "with \(forecast.threads) threads",
            "products          \(forecast.linearAlgebra)",
            "training          \(CountFormat.grouped(forecast.steps)) steps of "
                + "\(CountFormat.grouped(forecast.tokensPerStep)) tokens: \(CountFormat.text(forecast.totalTokens)) tokens",
        ]
        if let speed = forecast.tokensPerSecond, let peak = forecast.gemmPeakGflops, let share = forecast.utilisation,
            let time = forecast.seconds
        {
            lines += [
                "speed             \(CountFormat.grouped(Int(speed))) tokens/s, "
                    + String(format: "%.0f %% of %.0f GFLOP/s", 100 * share, peak),
                "time              \(DurationFormat.text(time))",
            ]
        }
        for file in forecast.corpus { lines.append("corpus            \(file)") }
        if let passes = forecast.passes {
            lines.append("passes            " + String(format: passes < 10 ? "about %.1f" : "about %.0f", passes))
        }
        if let loss = forecast.firstLoss { lines.append("first step        " + String(format: "loss %.3f", loss)) }
        return (lines + forecast.advice.map { "note: \($0)" }).joined(separator: "\n")
    }
}
