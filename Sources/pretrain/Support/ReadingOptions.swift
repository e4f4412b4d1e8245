import ArgumentParser
import Configuration
import Corpus

/// How text is read by a command that takes no run's configuration: the settings of `corpus`.
struct ReadingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Member of JSON lines that holds a document's text, as corpus.sources.text_field.", valueName: "name"))
    var textField: String?

    @Option(
        help: ArgumentHelp(
            "How files are divided into documents: \(Self.names(CorpusFormat.self)).", valueName: "format"))
    var format: CorpusFormat?

    @Option(
        help: ArgumentHelp(
            "What ends a document of a text file: \(Self.names(DocumentSeparator.self)).", valueName: "separator"))
    var documentSeparator: DocumentSeparator?

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp(
            "Change one setting of corpus; repeatable: --set corpus.strict=true.", valueName: "corpus.key=value"))
    var settings: [String] = []

    func validate() throws {
        if format == .jsonl, documentSeparator != nil {
            throw ValidationError("--document-separator is for text, and --format is jsonl; leave one out")
        }
        if format == .text, textField != nil {
            throw ValidationError("--text-field is for JSON, and --format is text; leave one out")
        }
    }

    /// Whether any of them was given.
    var isUsed: Bool { textField != nil || format != nil || documentSeparator != nil || !settings.isEmpty }

    /// Whether the settings name the text.
    var namesSources: Bool { settings.contains { $0.hasPrefix("corpus.sources") } }

    /// - Parameters:
    ///   - paths: of sources in place of those of `base`; sources of the settings replace them in turn.
    ///   - base: the settings that are not changed.
    /// - Throws: `ConfigurationError`.
    func resolve(_ paths: [String], base: CorpusConfiguration) throws -> CorpusConfiguration {
        var group = CorpusGroup(corpus: base)
        if !paths.isEmpty { group.corpus.sources = paths.map { CorpusSource(path: $0) } }
        try ConfigurationReader.read(origin: "the command line", overrides: settings, into: &group)
        for index in group.corpus.sources.indices {
            if let textField { group.corpus.sources[index].textField = textField }
            if let format { group.corpus.sources[index].format = format }
            if let documentSeparator { group.corpus.sources[index].documentSeparator = documentSeparator }
        }
        return group.corpus
    }

    /// The text of a trained model, or another one.
    ///
    /// - Parameters:
    ///   - path: of other text; nil for the model's own, which is divided as it was.
    ///   - trained: the settings of the model's run.
    /// - Throws: `ConfigurationError`, also for settings that would let training text pass for held-out text, or make sequences
    ///   longer than the model takes.
    func resolve(_ path: String?, of trained: CorpusConfiguration) throws -> CorpusConfiguration {
        let corpus = try resolve(path.map { [$0] } ?? [], base: trained)
        func refuse(_ key: String, _ problem: String, _ remedy: String) -> ConfigurationError {
            ConfigurationError([
                ConfigurationProblem(
                    .invalid, origin: "the command line", keyPath: "corpus.\(key)", problem: problem, remedy: remedy)
            ])
        }
        if corpus.sequenceLength > trained.sequenceLength {
            throw refuse(
                "sequence_length", "the model takes \(trained.sequenceLength) tokens at most",
                "Lower it, or leave it out.")
        }
        if path == nil {
            let remedy = "Leave it out, or name text with --corpus."
            for (key, isOther) in corpus.otherwiseDivided(than: trained) where isOther {
                throw refuse(key, "the run divided its text otherwise: what it has learned would be evaluated", remedy)
            }
        }
        return corpus
    }

    private static func names<Choice: CaseIterable & RawRepresentable<String>>(_: Choice.Type) -> String {
        Choice.allCases.map(\.rawValue).joined(separator: ", ")
    }
}

/// The section of a configuration under its usual name.
private struct CorpusGroup: Configurable {
    var corpus = CorpusConfiguration()

    mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.group("corpus", &corpus, "The text.")
    }
}

extension CorpusFormat: ExpressibleByArgument {}
extension DocumentSeparator: ExpressibleByArgument {}
