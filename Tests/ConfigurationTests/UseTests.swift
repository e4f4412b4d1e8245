import Configuration
import Testing

/// What was asked for and has no effect.
@Suite struct UseTests {
    private struct Schedule: Configurable {
        enum Kind: String, CaseIterable, Sendable { case linear, wsd }

        var kind = Kind.linear
        var decay: Int?
        var peak = 1
        var parts: [Part] = []
        var extra = Extra()
        var rest = Rest()

        mutating func visit(_ fields: inout some FieldVisitor) throws {
            try fields.choice("kind", &kind, "Which one.")
            try fields.integer("decay", &decay, 1...1000, "wsd: steps.")
            try fields.integer("peak", &peak, 1...1000, "Rate.")
            try fields.groups("parts", &parts, "Parts.")
            try fields.group("extra", &extra, "wsd: more.")
            try fields.group("rest", &rest, "What nobody writes down.")
        }

        var uses: [SettingUse] {
            [SettingUse("decay", "extra", isRead: kind == .wsd, otherwise: "is only read with kind: wsd")]
        }
    }

    private struct Extra: Configurable {
        var first = 1
        var second = 1

        mutating func visit(_ fields: inout some FieldVisitor) throws {
            try fields.integer("first", &first, 1...9, "One.")
            try fields.integer("second", &second, 1...9, "Another.")
        }
    }

    /// Without these a short text would have most of all keys, as one that the program has written.
    private struct Rest: Configurable {
        var numbers = [0, 0, 0, 0, 0, 0]

        mutating func visit(_ fields: inout some FieldVisitor) throws {
            for index in numbers.indices { try fields.integer("n\(index)", &numbers[index], 0...9, "A number.") }
        }
    }

    private struct Part: Configurable {
        var isOn = false
        var size = 3

        mutating func visit(_ fields: inout some FieldVisitor) throws {
            try fields.flag("on", &isOn, "Whether.")
            try fields.integer("size", &size, 1...9, "on: how large.")
        }

        var uses: [SettingUse] { [SettingUse("size", isRead: isOn, otherwise: "is only read with on: true")] }
    }

    /// What is refused, and what is only noted.
    private func check(
        _ yaml: String, _ overrides: [String] = [], own: Range<Int>? = nil, looksAtText: Bool = true,
        start: Schedule = Schedule()
    ) throws -> (refused: [String], notes: [String]) {
        var root = start
        try ConfigurationReader.read(yaml: yaml, origin: "run.yaml", overrides: overrides, into: &root)
        do {
            let notes = try ConfigurationReader.checkUse(
                of: root, yaml: yaml, origin: "run.yaml", overrides: overrides, own: own, looksAtText: looksAtText
            ) { _ in start }
            return ([], notes)
        } catch let error as ConfigurationError {
            return (error.problems.map(\.description), [])
        }
    }

    @Test func whatNothingReadsIsRefusedWhereItStands() throws {
        let refused = try check("peak: 2\ndecay: 5\nextra: {second: 2}\nparts: [{on: true, size: 4}, {size: 4}]")
            .refused
        #expect(
            refused == [
                "run.yaml:2: decay: is only read with kind: wsd; leave it out",
                "run.yaml:3: extra.second: is only read with kind: wsd; leave it out",
                "run.yaml:4: parts.1.size: is only read with on: true; leave it out",
            ])
        #expect(try check("", ["decay=5"]).refused == ["--set: decay: is only read with kind: wsd; leave it out"])
        #expect(try check("kind: wsd\ndecay: 5\nextra: {second: 2}").refused.isEmpty)
    }

    @Test func valuesThatAreThereAnywayAreNotAskedFor() throws {
        #expect(try check("decay: null\nextra: {first: 1}\nparts: [{size: 3}]").refused.isEmpty)
        var preset = Schedule()
        preset.decay = 5
        #expect(try check("decay: 5", start: preset).refused.isEmpty)
        #expect(try check("decay: 6", start: preset).refused.count == 1)
    }

    @Test func whatALaterSettingTurnsOffIsNoted() throws {
        let note = ["decay has no effect here: it is only read with kind: wsd"]
        for (yaml, overrides) in [
            ("kind: wsd\ndecay: 5", ["kind=linear"]), ("", ["kind=wsd", "decay=5", "kind=linear"]),
        ] {
            let found = try check(yaml, overrides)
            #expect(found.refused.isEmpty && found.notes == note)
        }
        // At its place it already means nothing.
        #expect(try check("", ["kind=linear", "decay=5"]).refused.count == 1)
        // What a later setting has use for is no mistake.
        let used = try check("decay: 5", ["kind=wsd"])
        #expect(used.refused.isEmpty && used.notes.isEmpty)
    }

    @Test func whatIsSharedIsNotLookedAt() throws {
        #expect(try check("decay: 5", looksAtText: false).refused.isEmpty)
        #expect(try check("decay: 5", ["peak=2", "extra.first=2"], own: 1..<2).refused.count == 2)
        #expect(try check("", ["decay=5", "extra.first=2"], own: 1..<2).refused.count == 1)
        #expect(try check("", ["decay=5"], own: 0..<0).refused.isEmpty)
    }

    @Test func whatTheProgramHasWrittenIsRead() throws {
        var old = Schedule()
        old.decay = 5
        old.extra.second = 2
        let yaml = try ConfigurationWriter.yaml(old)
        #expect(try check(yaml).refused.isEmpty)
        // What is changed of it has been asked for.
        #expect(try check(yaml, ["decay=6"]).refused.count == 1)
    }
}
