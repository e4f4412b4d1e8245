import Formatting
import Foundation

/// How a model is exported, whatever its form.
public struct ExportSettings: Sendable {
    /// Whether what an earlier export wrote is replaced.
    public var force: Bool
    /// Whether the run has met token type 1; if not, it is exported as a copy of type 0, and the model card says so.
    public var trainsTokenTypes: Bool
    /// Tokens of the longest sequences that the weights have been trained on; nil: all that the model takes. A tokenizer cuts texts
    /// to no more, though the position table may have further rows.
    public var trainedLength: Int?
    /// Of the weights: float32, bfloat16 or float16.
    public var elementType: ElementType
    /// What the model card tells beside how the model is loaded.
    public var history: ModelHistory
    /// Cards, by network, of weights that nothing has trained since they were imported: they go on with them.
    public var cards: [String: Data]

    public init(
        force: Bool = false, trainsTokenTypes: Bool = true, elementType: ElementType = .float32,
        history: ModelHistory = ModelHistory(), cards: [String: Data] = [:], trainedLength: Int? = nil
    ) {
        self.force = force
        self.trainsTokenTypes = trainsTokenTypes
        self.elementType = elementType
        self.history = history
        self.cards = cards
        self.trainedLength = trainedLength
    }

    /// Tokens of a text at most, for a model that takes so many.
    func maximumLength(_ longest: Int) -> Int { min(longest, trainedLength ?? longest) }
}

/// Where a model comes from: what its card says of data, recipe and quality.
public struct ModelHistory: Sendable, Equatable {
    /// A part of the text that it was trained on.
    public struct Source: Sendable, Equatable {
        /// The end of its path, without the folders of the machine.
        public var name: String
        public var files: Int
        public var bytes: Int64
        /// Over the digests of its files, as `sha256sum` lists them; nil where not all files have one.
        public var sha256: String?

        public init(name: String, files: Int, bytes: Int64, sha256: String?) {
            (self.name, self.files, self.bytes, self.sha256) = (name, files, bytes, sha256)
        }
    }

    /// An SPDX-like identifier of Hugging Face's list, such as `apache-2.0` or `other`; nil: not stated.
    public var license: String?
    public var licenseLink: String?
    /// ISO codes of the text's languages.
    public var languages: [String]
    /// What the weights began as; nil: chance.
    public var startedFrom: String?
    public var sources: [Source]
    /// How a source's digest is to be understood, where files were not read as a whole.
    public var digestRemark: String?
    /// Settings that someone would need to do it again.
    public var recipe: [(name: String, value: String)]
    public var metrics: [(name: String, value: String)]
    /// What was made of the model: scores on tasks, minimal pairs.
    public var results: [Table] = []
    /// Machine, time and energy.
    public var cost: [(name: String, value: String)] = []
    /// What the run, or its report, found amiss.
    public var alarms: [String] = []
    /// What the run's records do not tell, and why.
    public var missing: [String] = []

    /// Figures under a heading.
    public struct Table: Sendable, Equatable {
        public var title: String
        public var header: [String]
        public var rows: [[String]]
        /// Of its marks.
        public var explanation: String

        public init(title: String, header: [String], rows: [[String]], explanation: String) {
            (self.title, self.header, self.rows, self.explanation) = (title, header, rows, explanation)
        }
    }

    public init(
        license: String? = nil, licenseLink: String? = nil, languages: [String] = [], startedFrom: String? = nil,
        sources: [Source] = [], digestRemark: String? = nil, recipe: [(name: String, value: String)] = [],
        metrics: [(name: String, value: String)] = []
    ) {
        self.license = license
        self.licenseLink = licenseLink
        self.languages = languages
        self.startedFrom = startedFrom
        self.sources = sources
        self.digestRemark = digestRemark
        self.recipe = recipe
        self.metrics = metrics
    }

    public static func == (one: Self, other: Self) -> Bool {
        one.license == other.license && one.licenseLink == other.licenseLink && one.languages == other.languages
            && one.startedFrom == other.startedFrom && one.sources == other.sources
            && one.digestRemark == other.digestRemark && one.recipe.elementsEqual(other.recipe, by: ==)
            && one.metrics.elementsEqual(other.metrics, by: ==)
            && one.results == other.results && one.cost.elementsEqual(other.cost, by: ==) && one.alarms == other.alarms
            && one.missing == other.missing
    }

    /// The lines of the card's front matter.
    func frontMatter(tags: [String], task: String?, library: String = "transformers") -> String {
        var lines = ["library_name: \(library)"]
        if let license { lines.append("license: \(Self.scalar(license))") }
        if let licenseLink { lines.append("license_link: \(Self.scalar(licenseLink))") }
        if !languages.isEmpty { lines += ["language:"] + languages.map { "- \(Self.scalar($0))" } }
        if let task { lines.append("pipeline_tag: \(task)") }
        lines += ["tags:"] + tags.map { "- \($0)" }
        return "---\n" + lines.joined(separator: "\n") + "\n---\n"
    }

    /// A text as YAML that is one to readers of YAML 1.1 too: to them `no`, Norwegian, is false.
    private static func scalar(_ text: String) -> String {
        let others = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"]
        return others.contains(text.lowercased()) || Double(text) != nil ? "\"\(text)\"" : text
    }

    /// The sections behind those that say how the model is loaded.
    var sections: String {
        var parts: [String] = []
        if let startedFrom { parts.append("## Start\nThe weights began as those of \(startedFrom).") }
        if !sources.isEmpty {
            let rows = sources.map { source in
                [
                    "`\(source.name)`", "\(source.files)", "\(source.bytes)",
                    source.sha256.map { "`\($0)`" } ?? "not recorded",
                ]
            }
            parts.append(
                "## Data\n" + MarkdownTable.text(header: ["source", "files", "bytes", "SHA-256"], rows: rows)
                    + (digestRemark.map { "\n\n\($0)" } ?? ""))
        }
        if !recipe.isEmpty {
            parts.append(
                "## Recipe\n"
                    + MarkdownTable.text(
                        header: ["setting", "value"], rows: recipe.map { ["`\($0.name)`", $0.value] }))
        }
        if !metrics.isEmpty {
            parts.append(
                "## Metrics\n"
                    + MarkdownTable.text(
                        header: ["measure", "value"], rows: metrics.map { ["`\($0.name)`", $0.value] }))
        }
        for result in results {
            parts.append(
                "## \(result.title)\n" + MarkdownTable.text(header: result.header, rows: result.rows)
                    + (result.explanation.isEmpty ? "" : "\n\n\(result.explanation)"))
        }
        if !cost.isEmpty {
            parts.append(
                "## Cost\n"
                    + MarkdownTable.text(header: ["of the run", "value"], rows: cost.map { [$0.name, $0.value] }))
        }
        if !alarms.isEmpty { parts.append("## Alarms\n" + alarms.map { "- \($0)" }.joined(separator: "\n")) }
        if !missing.isEmpty { parts.append("## Not known\n" + missing.map { "- \($0)" }.joined(separator: "\n")) }
        if license == nil {
            parts.append(
                "## Licence\nNot stated. Whoever publishes the model says under which terms, in `license:` above; `pretrain export "
                    + "--license` writes it.")
        }
        return parts.map { $0 + "\n" }.joined(separator: "\n")
    }
}
