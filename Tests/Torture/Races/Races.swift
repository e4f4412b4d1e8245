import Checkpoints
import Foundation
import TestSupport

/// Two of a kind, and directories that are not what a run takes them for.
final class Races: Sendable {
    private let bench: Workbench
    private let plan: Plan

    init(_ bench: Workbench, _ plan: Plan) {
        self.bench = bench
        self.plan = plan
    }

    private struct Kind: Sendable {
        var name: String
        /// So many of hundred trials.
        var share: Int
        var body: @Sendable (Races, Subject, inout SplitMix64) throws -> [String: Int]
    }

    private struct Subject: Sendable {
        var new: Case
        var resumed: Case
        var facts: [String: Facts]
        var seconds: Double

        func either(_ random: inout SplitMix64) -> Case { Bool.random(using: &random) ? new : resumed }
        func check(_ output: String) throws {
            let outcome = Child.Outcome(end: .exited(0), output: "", errors: "")
            // Either comes to the same.
            try new.facts(output, outcome).check(against: facts["new"] ?? Facts())
            try Facts.checkNothingIsLeft(output)
        }
    }

    private static let kinds: [Kind] = [
        Kind(name: "two runs", share: 50) { try $0.twoRuns($1, &$2) },
        Kind(name: "with a run that fails at once", share: 10) { try $0.withFailing($1, &$2) },
        Kind(name: "with --resume never", share: 10) { try $0.withAnew($1, &$2) },
        Kind(name: "readers", share: 8) { try $0.withReaders($1, &$2) },
        Kind(name: "a stale lock", share: 6) { try $0.staleLock($1, &$2) },
        Kind(name: "a copied directory", share: 6) { try $0.copied($1, &$2) },
        Kind(name: "removed underneath", share: 6) { try $0.removed($1, &$2) },
        Kind(name: "read-only", share: 4) { try $0.readOnly($1, &$2) },
    ]

    func run() throws -> Tally {
        let cases = try Case.runs(bench)
        var facts: [String: Facts] = [:]
        var seconds = 0.0
        for subject in cases {
            let output = bench.fresh(subject.name)
            try subject.prepare(output)
            let started = ContinuousClock.now
            facts[subject.name] = try subject.facts(output, try bench.succeed(subject.arguments(output)))
            seconds = max(seconds, started.duration(to: .now) / .seconds(1))
            bench.discard(output)
        }
        let subject = Subject(new: cases[0], resumed: cases[1], facts: facts, seconds: seconds)
        let order = Self.kinds.filter { plan.includes($0.name) }.flatMap { kind in
            (0..<kind.share).map { _ in kind }
        }
        guard !order.isEmpty else { throw Finding("no race is named like that") }
        // Spread evenly, so that a few trials have seen all kinds.
        let kind: @Sendable (Int) -> Kind = { order[($0 * 37) % order.count] }
        let body: @Sendable (Int, inout SplitMix64) throws -> [String: Int] = { [self] trial, random in
            var counts = try kind(trial).body(self, subject, &random)
            counts[kind(trial).name, default: 0] += 1
            return counts
        }
        return plan.trials(Tally(part: "races"), name: { "trial \($0) (\(kind($0).name))" }, body)
    }

    /// Prepares an output, races for it, and removes it unless something was found.
    private func arena(_ subject: Case, _ body: (String) throws -> [String: Int]) throws -> [String: Int] {
        let output = bench.fresh(subject.name)
        do {
            try subject.prepare(output)
            let counts = try body(output)
            bench.discard(output)
            return counts
        } catch {
            bench.leave([output])
            throw Finding("\(error)\n  in \(output)")
        }
    }

    private func pause(_ subject: Subject, _ random: inout SplitMix64) {
        // Mostly at once, for the race; otherwise some time later.
        if Bool.random(using: &random) { return }
        usleep(UInt32(Double.random(in: 0...subject.seconds, using: &random) * 1e6))
    }

    private static func isRefusal(_ outcome: Child.Outcome) -> Bool {
        outcome.end == .exited(1)
            && (outcome.errors.contains("another run works here") || outcome.errors.contains("has finished its"))
    }

    private func finish(_ subject: Case, _ output: String) throws {
        let last = try bench.run(subject.arguments(output))
        try last.check()
        try require(last.succeeded || last.errors.contains("has finished its"), "the last run: \(last.shown)")
    }

    private func twoRuns(_ subject: Subject, _ random: inout SplitMix64) throws -> [String: Int] {
        let race = subject.either(&random)
        return try arena(race) { output in
            let first = try bench.start(race.arguments(output))
            pause(subject, &random)
            let second = try bench.start(race.arguments(output))
            let ends = [try first.end(), try second.end()]
            for end in ends { try end.check() }
            let winners = ends.count { $0.succeeded }
            try require(winners == 1, "\(winners) of two have run: \(ends[0].shown)\n\(ends[1].shown)")
            for end in ends where !end.succeeded { try require(Self.isRefusal(end), end.shown) }
            try subject.check(output)
            return ["refused": 1]
        }
    }

    /// A run that fails before its first step takes the directory away again, unless another one has it.
    private func withFailing(_ subject: Subject, _ random: inout SplitMix64) throws -> [String: Int] {
        try arena(subject.new) { output in
            let failing = subject.new.arguments(output) + ["--set", "corpus.sources=[{path: \(bench.path)/nowhere}]"]
            let first = try bench.start(failing)
            pause(subject, &random)
            let others = try (0..<2).map { _ in try bench.start(subject.new.arguments(output)) }
            let failed = try first.end()
            try failed.check()
            try require(failed.end == .exited(1), "it has not failed: \(failed.shown)")
            let ends = try others.map { try $0.end() }
            for end in ends {
                try end.check()
                // A directory that goes away between being made and being locked is an error like another.
                try require(end.succeeded || !end.errors.isEmpty, "no message")
            }
            try require(ends.count { $0.succeeded } <= 1, "both have run")
            try finish(subject.new, output)
            try subject.check(output)
            return [:]
        }
    }

    private func withAnew(_ subject: Subject, _ random: inout SplitMix64) throws -> [String: Int] {
        try arena(subject.resumed) { output in
            let first = try bench.start(subject.resumed.arguments(output) + ["--resume", "never"])
            pause(subject, &random)
            let second = try bench.start(subject.resumed.arguments(output))
            let ends = [try first.end(), try second.end()]
            for end in ends {
                try end.check()
                try require(end.succeeded || Self.isRefusal(end), end.shown)
            }
            try require(ends.contains { $0.succeeded }, "none has run: \(ends[0].shown)")
            try finish(subject.resumed, output)
            try subject.check(output)
            return [:]
        }
    }

    /// Whoever looks at a run while it goes on sees sound checkpoints, or one that has just gone.
    private func withReaders(_ subject: Subject, _ random: inout SplitMix64) throws -> [String: Int] {
        let race = subject.either(&random)
        return try arena(race) { output in
            let run = try bench.start(race.arguments(output))
            var reads = 0
            while !run.hasEnded {
                let command =
                    [
                        ["checkpoint", "verify", output], ["checkpoint", "list", output, "--json"],
                        ["checkpoint", "inspect", output, "--json"], ["plot", output, "--output", output + ".svg"],
                    ].randomElement(using: &random) ?? []
                try bench.run(command).check()
                reads += 1
            }
            unlink(output + ".svg")
            let outcome = try run.end()
            try require(outcome.succeeded, outcome.shown)
            try subject.check(output)
            return ["reads": reads]
        }
    }

    private func staleLock(_ subject: Subject, _ random: inout SplitMix64) throws -> [String: Int] {
        try arena(subject.resumed) { output in
            let alive = getpid()
            let texts = [
                "", "garbage \u{0}", #"{"pid":\#(alive),"host":"elsewhere","started":"2020-01-01T00:00:00Z"}"#,
                String(repeating: "x", count: 100_000),
            ]
            try Data((texts.randomElement(using: &random) ?? "").utf8)
                .write(to: URL(fileURLWithPath: output + "/run.lock"))
            try bench.succeed(subject.resumed.arguments(output))
            try subject.check(output)
            return [:]
        }
    }

    /// A directory that is copied while a run works in it: both go on, each in its own.
    private func copied(_ subject: Subject, _ random: inout SplitMix64) throws -> [String: Int] {
        let race = subject.either(&random)
        return try arena(race) { output in
            let first = try bench.start(race.arguments(output))
            _ = first.wait(seconds: Double.random(in: 0...subject.seconds, using: &random))
            let copy = output + ".copy"
            defer { bench.discard(copy) }
            try OutputFolders.make(output)
            let copying = try Child("/usr/bin/env", ["cp", "-r", output, copy], streams: bench.fresh("streams"))
            // What is removed while it is copied is no error of ours.
            _ = try copying.end()
            let second = try bench.run(race.arguments(copy))
            let ended = try first.end()
            try ended.check()
            try require(ended.succeeded, ended.shown)
            try subject.check(output)
            try second.check()
            // Copied by parts, a checkpoint may be damaged: then it is passed over, or the run refuses to go on.
            if !second.succeeded, !Self.isRefusal(second) {
                try require(second.errors.contains("damaged"), "in the copy: \(second.shown)")
                return ["copies refused": 1]
            }
            return ["copies that went on": 1]
        }
    }

    private func removed(_ subject: Subject, _ random: inout SplitMix64) throws -> [String: Int] {
        let race = subject.either(&random)
        return try arena(race) { output in
            let run = try bench.start(race.arguments(output))
            _ = run.wait(seconds: Double.random(in: 0...subject.seconds, using: &random))
            let removing = try Child("/usr/bin/env", ["rm", "-rf", output], streams: bench.fresh("streams"))
            _ = try removing.end()
            let outcome = try run.end()
            try outcome.check()
            try require(outcome.succeeded || outcome.errors.contains(output), "no word of where: \(outcome.shown)")
            // Something may have been written while the removal was under way.
            bench.discard(output)
            try race.prepare(output)
            try bench.succeed(race.arguments(output))
            try subject.check(output)
            return [outcome.succeeded ? "ended before" : "told": 1]
        }
    }

    /// A directory that may be read and not written; root may write all the same, so the calls are made to fail.
    private func readOnly(_ subject: Subject, _ random: inout SplitMix64) throws -> [String: Int] {
        let race = subject.either(&random)
        return try arena(race) { output in
            let outcome = try bench.run(race.arguments(output), environment: bench.shim(output, at: 1, "READONLY"))
            try outcome.check()
            try require(!outcome.succeeded, "it has run in a read-only directory")
            try require(outcome.errors.contains("Read-only"), "it does not say why: \(outcome.shown)")
            try bench.succeed(race.arguments(output))
            try subject.check(output)
            return [:]
        }
    }
}
