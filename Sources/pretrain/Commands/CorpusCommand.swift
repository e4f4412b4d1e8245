import ArgumentParser
import Corpus
import Formatting
import Foundation
import Pretraining
import Runs

struct CorpusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "corpus", abstract: "Looks at training text before it is trained on.",
        subcommands: [CorpusCheckCommand.self])
}

struct CorpusCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Reads a corpus once and tells what is in it.",
        discussion: """
            Documents and their sizes, what would be held out and how much of that occurs in training documents too, \
            documents that occur twice, scripts, the form of Unicode, and everything that is skipped, replaced or cut.

              pretrain corpus check --input corpora/mine
              pretrain corpus check mine.yaml --bytes 100000000
              pretrain corpus check --input lines.txt --document-separator line --json
            """)

    @Argument(
        help: "A configuration file whose corpus is checked.", completion: .file(extensions: ["yaml", "yml"]))
    var configuration: String?
    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp("Files, folders or globs instead of those of a configuration.", valueName: "path"))
    var input: [String] = []
    @Option(help: "Bytes of text to read of each source, at most. Default: all.")
    var bytes: Int?
    @OptionGroup var reading: ReadingOptions
    @OptionGroup var report: ReportOptions

    func validate() throws {
        if configuration == nil && input.isEmpty && !reading.namesSources {
            throw ValidationError("name a configuration file, or the text with --input PATH")
        }
        if let bytes, bytes < 1 { throw ValidationError("--bytes must be at least 1") }
    }

    func run() throws {
        let base = try configuration.map {
            try ConfigurationOptions.resolve(file: $0).corpus
        }
        let corpus = try reading.resolve(input, base: base ?? CorpusConfiguration())
        let listing = try CorpusListing(corpus)
        let phase = PhaseProgress("reading the corpus", on: ProgressLine(quiet: report.json))
        let survey = try CorpusSurvey(listing, byteLimit: bytes.map(Int64.init) ?? .max) { phase.update(fraction: $0) }
        phase.finish()
        let advice = survey.advice(corpus)
        try report.show(Report(survey: survey, advice: advice)) { Self.text(survey, advice: advice) }
    }

    private struct Report: Encodable {
        var survey: CorpusSurvey
        var advice: [String]
    }

    static func text(_ survey: CorpusSurvey, advice: [String]) -> String {
        let isTested = survey.sources.contains { $0.testDocuments > 0 }
        let rows = survey.sources.map { source in
            [
                [
                    source.path, CountFormat.grouped(source.files), ByteFormat.text(Int(source.textBytes)),
                    CountFormat.grouped(source.documents), ByteFormat.text(source.medianDocumentBytes),
                    ByteFormat.text(source.longestDocumentBytes), CountFormat.grouped(source.duplicates),
                    "\(CountFormat.grouped(source.heldOutDocuments)) (\(ByteFormat.text(Int(source.heldOutBytes))))",
                ],
                isTested
                    ? ["\(CountFormat.grouped(source.testDocuments)) (\(ByteFormat.text(Int(source.testBytes))))"] : [],
            ]
            .flatMap(\.self)
        }
        var lines = [
            TextTable(
                header: ["source", "files", "text", "documents", "median", "longest", "twice", "held out"]
                    + (isTested ? ["test"] : []), rightAligned: [1, 2, 3, 4, 5, 6, 7, 8], rows: rows
            ).text
        ]
        if survey.sources.contains(where: { !$0.isComplete }) { lines.append("(of the part that was read)") }
        let scripts = survey.scripts.prefix(6).map { String(format: "\($0.script) %.1f %%", 100 * $0.share) }
        if !scripts.isEmpty { lines.append("letters: \(scripts.joined(separator: ", "))") }
        if survey.unicodeForm != .none { lines.append("accented letters: \(survey.unicodeForm.rawValue)") }
        if let share = survey.heldOutLinesInTraining {
            lines.append(String(format: "held-out lines that training has too: %.1f %%", 100 * share))
        }
        if !survey.skipped.isEmpty {
            lines.append("skipped, replaced or cut:")
            lines += survey.skipped.map { "  \($0)" }
        }
        return (lines + advice.map { "note: \($0)" }).joined(separator: "\n")
    }
}
