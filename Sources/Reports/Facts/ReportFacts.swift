import Foundation
import Pretraining

/// All that a report tells.
public struct ReportFacts: Encodable, Sendable {
    public var program: String
    /// Seconds since 1970.
    public var made: Double
    public var runs: [RunFacts]
    /// What was made of the models.
    public var results: [ResultFacts]
}

/// Reads runs and results, again and again if need be.
public final class ReportReader {
    private let runs: [RunReader]
    private let paths: [String]
    private let results: [ResultFacts]
    /// What was read of each run last, and since when nothing could be.
    private var known: [Int: (facts: RunFacts, failingSince: Double?)] = [:]
    /// How long a run that is just being set up anew may not be there.
    private static let absence = 30.0

    /// - Parameters:
    ///   - runs: run directories.
    ///   - names: of the runs, one for each.
    ///   - results: paths of results beside those within the runs' folders.
    /// - Throws: `ReportError.unknownResults`.
    public init(runs: [String], names: [String], results: [String], options: RunReader.Options = .init()) throws {
        var options = options
        // All curves of a page share what it can carry.
        options.points = max(120, options.points / max(1, Int(Double(runs.count).squareRoot().rounded(.up))))
        self.runs = zip(runs, names).map { RunReader(path: $0, name: $1, options: options) }
        paths = runs
        self.results = try results.map(ResultFacts.init(path:))
    }

    /// - Throws: what stands in the way of reading a run that could never be read. One that could keeps what was read, and is told as
    ///   broken off when that lasts; the others go on.
    public func facts() throws -> ReportFacts {
        let facts = try runs.indices.map { index in
            do {
                let facts = try runs[index].facts()
                known[index] = (facts, nil)
                return facts
            } catch {
                guard let (last, since) = known[index] else { throw error }
                var facts = last
                let now = Date().timeIntervalSince1970
                known[index] = (facts, since ?? now)
                if now - (since ?? now) > Self.absence {
                    facts.status = RunStatus(
                        state: .interrupted, message: "it cannot be read any more: \(error)",
                        updated: facts.status.updated)
                }
                return facts
            }
        }
        let named = Set(results.map(\.path))
        let within = facts.flatMap { ResultFacts.within($0.path) }.filter { !named.contains($0.path) }
        return ReportFacts(
            program: "pretrain \(programVersion)", made: Date().timeIntervalSince1970.rounded(), runs: facts,
            results: within + results)
    }
}
