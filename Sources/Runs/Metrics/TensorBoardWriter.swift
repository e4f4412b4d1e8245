import Files
import Foundation

/// Writes scalars, histograms, texts and settings into an event file that TensorBoard opens.
public final class TensorBoardWriter {
    /// The file of this writer.
    public var path: String { file.path }
    private let file: AppendOnlyFile
    private let directory: String
    private let now: () -> Double

    /// Creates a new event file `events.out.tfevents.<seconds>.<host>`; TensorBoard reads all files of a folder, in the
    /// order of their names, as one run.
    ///
    /// - Parameters:
    ///   - directory: Made if it does not exist.
    ///   - step: The step of the checkpoint that the run goes on from: TensorBoard then forgets the later steps that an
    ///     interrupted run had shown. Nil for a new run.
    /// - Throws: `MetricsError`.
    public convenience init(directory: String, resumingAfter step: Int?) throws {
        try self.init(directory: directory, resumingAfter: step, host: ProcessInfo.processInfo.hostName) {
            Date().timeIntervalSince1970
        }
    }

    package init(directory: String, resumingAfter step: Int?, host: String, now: @escaping () -> Double) throws {
        self.now = now
        do {
            try OutputFolder.create(directory)
        } catch let failure as FileFailure {
            throw MetricsError.cannotOpen(path: directory, reason: String(cString: strerror(failure.code)))
        }
        self.directory = directory
        let hasEarlierFiles = !TensorBoardHistory.files(in: directory).isEmpty
        file = try Self.newFile(in: directory, host: host, time: Int(now()))
        try write(step: 0, .fileVersion)
        // A run that is begun anew, since it was killed before its first checkpoint, has shown steps too.
        if step != nil || hasEarlierFiles { try write(step: step.map { $0 + 1 } ?? 0, .sessionStart) }
    }

    /// Appends scalars, and Markdown, of one step as one record.
    ///
    /// - Throws: `MetricsError.cannotWrite` for the first record that is lost.
    public func append(
        step: Int, scalars: [(tag: String, value: Double)], texts: [(tag: String, text: String)] = []
    ) throws {
        try write(
            step: step,
            .values(scalars.map { ($0.tag, .scalar(Float($0.value))) } + texts.map { ($0.tag, .text($0.text)) }))
    }

    /// Appends histograms of one step.
    public func append(step: Int, histograms: [(tag: String, histogram: ValueHistogram)]) throws {
        try write(step: step, .values(histograms.map { ($0.tag, .histogram($0.histogram)) }))
    }

    /// Tells the run's settings, for the HParams tab.
    public func start(_ hyperparameters: [Hyperparameter]) throws {
        try write(
            step: 0, .values([(TensorBoardValue.sessionStartTag, .sessionStart(hyperparameters, time: now()))]))
    }

    /// Tells the HParams tab that the run has ended.
    public func end(isSuccess: Bool) throws {
        try write(step: 0, .values([(TensorBoardValue.sessionEndTag, .sessionEnd(isSuccess: isSuccess, time: now()))]))
    }

    /// Whether something of that name is shown at a step.
    func shows(_ tag: String, step: Int) -> Bool { TensorBoardHistory(directory: directory).shows(tag, step: step) }

    /// Waits until all records have reached the disk.
    ///
    /// - Throws: `MetricsError`.
    func synchronize() throws { try file.synchronize() }

    /// Records that could not be written.
    public var lostRecords: Int { file.lostRecords }

    private func write(step: Int, _ content: TensorBoardEvent.Content) throws {
        try file.append(TensorBoardEvent(wallTime: now(), step: step, content: content).record)
    }

    /// A file whose name sorts behind those that are there, whatever the clock says.
    private static func newFile(in directory: String, host: String, time: Int) throws -> AppendOnlyFile {
        let prefix = TensorBoardHistory.prefix
        let times = TensorBoardHistory.files(in: directory)
            .compactMap { Int($0.dropFirst(prefix.count).prefix { $0 != "." }) }
        var latest = max(time, (times.max() ?? -1) + 1)
        let safeHost = host.map { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" ? $0 : "-" }
        while true {
            let digits = String(latest)
            let name = prefix + String(repeating: "0", count: max(0, 10 - digits.count)) + digits + "."
            let path = directory + "/" + name + (safeHost.isEmpty ? "localhost" : String(safeHost))
            do {
                return try AppendOnlyFile(path: path, flags: O_EXCL)
            } catch MetricsError.cannotOpen where errno == EEXIST {
                latest += 1
            }
        }
    }
}
