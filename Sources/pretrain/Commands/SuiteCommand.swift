import ArgumentParser
import FineTuning
import Foundation
import Pretraining
import Runs

struct SuiteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suite",
        abstract: "Fine-tunes several models on several tasks, beside random weights.",
        discussion: """
            A folder of tasks holds files NAME.yaml as finetune --task reads them, and folders NAME with train.jsonl, \
            validation.jsonl and test.jsonl (or .tsv, .csv; plain or compressed), with a task.yaml for what is special. \
            Without validation a tenth of train is set aside; without test the scores are of the validation texts.

            Every model is trained on every task with each learning rate of --rates and one seed (a task that names its own \
            training.peak_learning_rate has that, unless --rates is given); the rate that is best \
            on the validation texts then gets the other seeds. The same shape with weights by chance is treated alike, \
            once for all models that share shape and tokenizer: what pretraining is worth is the difference, and a star \
            marks models that are better by more than two standard errors, an arrow (↓) those that are worse by as much. \
            Minimal pairs are judged with random weights too. Runs that differ by the seed of their pretraining alone, such \
            as those of an arm of compare, are summed up in a table of their own, with their deviation.

            --output receives a run directory for each run, results.json, results.md and rates.svg. The same command \
            goes on with an interrupted suite.

              pretrain suite checkpoints/mine --tasks tasks --output compared
              pretrain suite checkpoints/mine checkpoints/other --tasks tasks --output compared --seeds 5 \\
                  --rates 3e-4,1e-3 --minimal-pairs blimp/data
            """)

    @Argument(help: "Checkpoints of pretraining, or run directories.", completion: .directory)
    var checkpoints: [String]
    @Option(help: "Folder of tasks.", completion: .directory)
    var tasks: String
    @Option(help: "Folder of the suite.", completion: .directory)
    var output: String
    @Option(help: "Runs at the chosen learning rate, with seeds training.seed, the next, ….")
    var seeds = 3
    @Option(
        help: ArgumentHelp(
            "Peak learning rates to try, separated by commas; none: each task's own. (default: the task's own where it names one, "
                + "or 1e-4,3e-4,1e-3)", valueName: "rates"))
    var rates: String?
    @Flag(inversion: .prefixedNo, help: "Train the same shapes from random weights too.")
    var scratch = true
    @Option(help: "Judge minimal pairs too: a .jsonl file or a folder of them.", completion: .file())
    var minimalPairs: String?
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp(
            "Change one setting of all tasks; repeatable: --set training.epochs=10. pretrain config keys --finetuning lists them.",
            valueName: "key=value"))
    var settings: [String] = []
    @OptionGroup var threading: ThreadOptions
    @Flag(help: "Show nothing but warnings and errors.")
    var quiet = false
    @OptionGroup var report: ReportOptions

    private static let usualRates = [1e-4, 3e-4, 1e-3]

    private func learningRates() throws -> [Double] {
        guard let rates, rates != "none" else { return [] }
        if settings.contains(where: { $0.hasPrefix("training.peak_learning_rate=") }) {
            throw ValidationError("--rates and --set training.peak_learning_rate contradict each other; leave one out")
        }
        let parts = rates.split(separator: ",", omittingEmptySubsequences: false)
        let found = try parts.map { part in
            guard let rate = Double(part.trimmingCharacters(in: .whitespaces)), rate > 0, rate.isFinite else {
                throw ValidationError("--rates: \"\(part)\" is no number above 0; write --rates 1e-4,3e-4, or none")
            }
            return rate
        }
        if Set(found.map(RateTrial.number)).count < found.count {
            throw ValidationError("--rates has a rate twice, as far as its first three digits tell")
        }
        return found
    }

    func validate() throws {
        if checkpoints.isEmpty { throw ValidationError("name a checkpoint or more") }
        if output.isEmpty { throw ValidationError("--output is empty; name a directory") }
        if !(1...1000).contains(seeds) { throw ValidationError("--seeds must be from 1 to 1000") }
        _ = try learningRates()
    }

    func run() throws {
        let tasks = try SuiteTask.tasks(in: tasks, settings: settings)
        let starts = try SuiteStart.starts(checkpoints, comparingWithScratch: scratch)
        let pairs = try minimalPairs.map { try MinimalPairs(path: $0) }
        TerminationSignals.install()
        signal(SIGPIPE, SIG_IGN)
        let line = ProgressLine(quiet: quiet)
        let suite = Suite(
            starts, tasks: tasks, minimalPairs: pairs,
            options: .init(
                seeds: seeds, learningRates: try learningRates(),
                usualLearningRates: rates == nil ? Self.usualRates : [], threads: threading.count),
            folder: RunDirectory(path: output).path,
            progress: line
        ) { text in line.interrupt { Terminal.note("warning: \(text)") } }
        do {
            let result = try suite.run()
            try report.show(result) {
                let (header, rows) = result.table
                let table = TextTable(header: header, rightAligned: Set(1..<header.count), rows: rows)
                let recipes = result.recipeTable.map { header, rows in
                    let table = TextTable(header: header, rightAligned: Set(1..<header.count), rows: rows)
                    return "\(table.text)\n\n\(SuiteReport.recipeExplanation)\n\n"
                }
                return
                    "\(table.text)\n\n\(result.explanation)\n\n\(recipes ?? "")runs, results.md and rates.svg are in \(output)\n"
            }
        } catch let stopped as Suite.Stopped {
            line.clear()
            Terminal.note("stopped by \(stopped.signal); the same command goes on from there")
            throw ExitCode(ExitStatus.stoppedBySignal)
        }
    }
}
