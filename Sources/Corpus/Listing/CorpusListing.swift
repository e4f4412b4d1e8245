import Configuration

/// All files of a corpus, in an order that depends on nothing but their names.
public struct CorpusListing: Sendable {
    /// The files of one source, sorted bytewise by relative path.
    public struct Source: Sendable {
        public var configuration: CorpusSource
        public var files: [CorpusFile]

        public var bytes: Int64 { files.reduce(0) { $0 + $1.size } }

        func tooMuchSkipped(
            _ index: Int, _ tally: RowTally, allowed: Double, _ report: CorpusReport
        ) -> CorpusError {
            .tooMuchSkipped(
                source: index, path: configuration.path, rows: tally.rows, unusable: tally.unusable, allowed: allowed,
                warnings: report.summary)
        }
    }

    /// Of its text: compressed files count for several times their size, by a rule of thumb.
    public var estimatedTextBytes: Int64 {
        sources.reduce(0) { $0.addingSaturated(SamplingPlan.estimatedBytes($1)) }
    }

    public private(set) var configuration: CorpusConfiguration
    public let sources: [Source]
    /// What was passed over while listing.
    public let report: CorpusReport

    /// Finds the files of every source. Opens none of them.
    ///
    /// - Throws: `InvalidSetting`, or `CorpusError` if a source has no file that can be read.
    public init(_ configuration: CorpusConfiguration) throws {
        try configuration.validate()
        guard !configuration.sources.isEmpty else { throw CorpusError.noSources }
        self.configuration = configuration
        var report = CorpusReport()
        var sources: [Source] = []
        for (index, source) in configuration.sources.enumerated() {
            var search = FileSearch(source: source, index: index, configuration: configuration)
            let files = try search.run()
            report.add(search.report)
            sources.append(Source(configuration: source, files: files))
        }
        self.sources = sources
        self.report = report
    }

    /// Bytes of all files, compressed or not.
    public var bytes: Int64 { sources.reduce(0) { $0 + $1.bytes } }
    public var fileCount: Int { sources.reduce(0) { $0 + $1.files.count } }
}

extension CorpusListing {
    /// The same files, for sequences of another length.
    public func with(sequenceLength: Int) -> CorpusListing {
        var listing = self
        listing.configuration.sequenceLength = sequenceLength
        return listing
    }

    /// The same files, shuffled in windows of another size.
    package func with(shuffleBytes: Int) -> CorpusListing {
        var listing = self
        listing.configuration.shuffleBytes = shuffleBytes
        return listing
    }
}
