import ArgumentParser
import Files
import Formatting
import Foundation
import Reports

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Writes a page about runs, finished or not: what ran, how it went, what was learned, what it cost.",
        discussion: """
            One HTML file that needs neither network nor other files, for screens of any width and for paper. Several runs stand \
            side by side, with the settings in which they differ. It reads the run's directory and changes nothing in it.

              pretrain report checkpoints/mine                              writes report.html
              pretrain report checkpoints/a checkpoints/b --label A --label B --output both.html
              pretrain report checkpoints/mine --with compared --with pairs.json

            --with shows what was made of the models: a folder of suite, finetune or analyze, or a file that evaluate \
            --minimal-pairs --json wrote. Such folders within a run's own are found by themselves.

            The newest checkpoint's weights are read for the neighbours of words; --no-weights leaves them alone.
            """)

    @OptionGroup var reading: ReportReading
    @Option(
        help: "The page. Default: report.html, and none with --json.", completion: .file(extensions: ["html"]))
    var output: String?
    @OptionGroup var report: ReportOptions

    func run() throws {
        let output = output ?? (report.json ? nil : "report.html")
        let file = try output.map { try OutputFile(checking: $0) }
        let facts = try reading.reader().facts()
        guard let file, let output else { return try report.show(facts) { "" } }
        let page = Data(try ReportPage(facts).html().utf8)
        try file.write(page)
        let alarms = facts.runs.reduce(0) { $0 + $1.alarms.count }
        try report.show(facts) {
            "\(Terminal.escaped(output)): \(facts.runs.count == 1 ? "one run" : "\(facts.runs.count) runs"), \(ByteFormat.text(page.count))"
                + (alarms == 0 ? "" : alarms == 1 ? "; one alarm" : "; \(alarms) alarms")
        }
    }
}

/// Which runs a report is of, and what it reads of them.
struct ReportReading: ParsableArguments {
    @Argument(help: "Run directories.", completion: .directory)
    var runs: [String]
    @Option(
        name: .customLong("label"), parsing: .singleValue,
        help: "Name of a run; one for each, in order. Default: names of the paths.")
    var labels: [String] = []
    @Option(
        name: .customLong("with"), parsing: .singleValue,
        help: ArgumentHelp(
            "Results to show too: a folder of suite, finetune or analyze, or minimal pairs; repeatable.",
            valueName: "path"))
    var results: [String] = []
    @Option(
        name: .customLong("word"), parsing: .singleValue,
        help: ArgumentHelp(
            "Show the neighbours of this word; repeatable. Default: some of the vocabulary's.", valueName: "word"))
    var words: [String] = []
    @Flag(inversion: .prefixedNo, help: "Read the newest checkpoint's weights, for the neighbours of words.")
    var weights = true
    @OptionGroup var threading: ThreadOptions

    func validate() throws {
        if runs.isEmpty { throw ValidationError("name at least one run directory") }
        if !labels.isEmpty, labels.count != runs.count {
            throw ValidationError("\(labels.count) labels for \(runs.count) runs: give one for each")
        }
        if Set(labels).count < labels.count { throw ValidationError("two runs have the same --label") }
    }

    /// - Parameter evaluates: whether samples are made where a run has kept none.
    func reader(evaluates: Bool = true) throws -> ReportReader {
        var options = RunReader.Options()
        options.readsWeights = weights
        options.evaluates = evaluates
        options.words = words
        options.threads = threading.count
        return try ReportReader(
            runs: runs, names: labels.isEmpty ? AnalyzeCommand.names(runs) : labels, results: results, options: options)
    }
}
