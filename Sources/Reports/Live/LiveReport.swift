import Foundation

/// A report that is read anew when somebody asks for it and something may have changed.
actor LiveReport {
    /// What the page last was, with a tag that changes with it.
    struct Version: Sendable {
        var facts: ReportFacts
        var tag: String
    }

    private let reader: ReportReader
    private var newest: Version
    private var content: Data
    private var number = 1
    private var readAt = ContinuousClock.now
    private static let interval = Duration.seconds(1)

    /// - Throws: what stands in the way of the first reading.
    init(_ reader: sending ReportReader) throws {
        let facts = try reader.facts()
        self.reader = reader
        content = try Self.timeless(facts)
        newest = Version(facts: facts, tag: "\"1-\(UInt32.random(in: .min ... .max))\"")
    }

    /// Reads at most once a second. What cannot be read, because a run is just being set up anew, leaves what was there.
    func version() -> Version {
        guard readAt.duration(to: .now) >= Self.interval else { return newest }
        // From its end on, or those who waited for a slow one would each read again.
        defer { readAt = .now }
        guard let facts = try? reader.facts(), let content = try? Self.timeless(facts) else { return newest }
        if content != self.content {
            number += 1
            self.content = content
            newest = Version(facts: facts, tag: "\"\(number)-\(UInt32.random(in: .min ... .max))\"")
        }
        return newest
    }

    /// Of all but the time at which it was made.
    private static func timeless(_ facts: ReportFacts) throws -> Data {
        var facts = facts
        facts.made = 0
        return try ReportPage.encoder.encode(facts)
    }
}
