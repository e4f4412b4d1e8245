import ArgumentParser
import Comparison
import Configuration
import Files
import Foundation
import Machine
import Pretraining
import Runs

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Trains several configurations for equal time and judges them on the same text.",
        discussion: """
            The file names what is compared, arms that differ in a few settings from a common base:

              base: base.yaml
              set: ["corpus.sources=[{path: corpora/mine}]"]
              learning_rates: [1e-3, 2e-3, 4e-3]
              arms:
                - {name: electra, set: [model.generator.width_multiplier=0.5]}
                - {name: disentangled, set: [model.embedding_sharing=disentangled]}

            With --minutes a short pilot of each arm measures its speed, and every run has the steps that it does in this \
            time, with a complete schedule; --steps gives all as many steps. With learning_rates every arm is tuned first, \
            in trials of tuning_share of the length that are judged on text that a shorter run of the judge has masked and \
            replaced, up to two steps beyond the list where the best stands at its edge. Then each arm is trained with --seeds \
            seeds, and all are judged on held-out text (of corpus.test, where there is some) that the arm judge has masked for \
            all, hiding all that is to be predicted; where it trains a generator, a further run of it has replaced the tokens.

            --output receives runs/ (ordinary run directories), results.json, results.md and curves.svg. The same command \
            goes on with an interrupted comparison; what is finished is not done again.

              pretrain compare recipes.yaml --output compared --minutes 30
              pretrain compare recipes.yaml --output compared --steps 2000 --seeds 5 --set training.batch_size=64
            """)

    @Argument(help: "A YAML file with base, set, arms, judge, learning_rates and tuning_share.", completion: .file())
    var file: String
    @Option(help: "Folder of the comparison.", completion: .directory)
    var output: String
    @Option(help: "Wall-clock minutes of every run. Default: 30.")
    var minutes: Double?
    @Option(help: "Steps of every run, instead of minutes.")
    var steps: Int?
    @Option(help: "Runs of each arm, with seeds 0, 1, ….")
    var seeds = 3
    @Option(help: "Runs at a time. Default: the processors that this process may use, divided by --threads.")
    var jobs: Int?
    @Option(help: "Threads of each run.")
    var threads = 1
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp("Change one setting of all arms, over the file's; repeatable.", valueName: "key=value"))
    var settings: [String] = []
    @Flag(help: "Show nothing but warnings and errors.")
    var quiet = false
    @OptionGroup var report: ReportOptions

    func validate() throws {
        if output.isEmpty { throw ValidationError("--output is empty; name a directory") }
        if minutes != nil, steps != nil { throw ValidationError("give --minutes or --steps, not both") }
        if let minutes, !(minutes > 0 && minutes <= 1e7) {
            throw ValidationError("--minutes must be above 0, and ten million at most")
        }
        if let steps, !(1...1 << 40).contains(steps) { throw ValidationError("--steps must be from 1 to \(1 << 40)") }
        if !(1...1000).contains(seeds) { throw ValidationError("--seeds must be from 1 to 1000") }
        for (name, count) in [("--jobs", jobs), ("--threads", threads)] {
            if let count, !(1...1024).contains(count) { throw ValidationError("\(name) must be from 1 to 1024") }
        }
    }

    func run() throws {
        let plan = try ComparisonConfiguration(contentsOf: file)
        let arms = try plan.resolved(
            relativeTo: PathParts.folder(of: file), settings: settings)
        let options = Comparison.Options(
            length: steps.map { .steps($0) } ?? .minutes(minutes ?? 30), seeds: seeds,
            jobs: jobs ?? max(1, MachineLimits().processors / threads), threads: threads)
        TerminationSignals.install()
        signal(SIGPIPE, SIG_IGN)
        let line = ProgressLine(quiet: quiet)
        let comparison = Comparison(plan, arms: arms, options: options, folder: output, progress: line) {
            [quiet] text, isWarning in
            if !quiet || isWarning { line.interrupt { Terminal.note(text) } }
        }
        do {
            let result = try comparison.run()
            try report.show(result) {
                let (header, rows) = result.table
                let table = TextTable(header: header, rightAligned: Set(1..<header.count), rows: rows)
                return "\(table.text)\n\n\(result.explanation)\nruns, results.md and curves.svg are in \(output)\n"
            }
        } catch ComparisonError.stopped(let signal) {
            Terminal.note("\(ComparisonError.stopped(signal: signal))")
            throw ExitCode(ExitStatus.stoppedBySignal)
        }
    }
}
