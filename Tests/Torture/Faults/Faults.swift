import Foundation
import TestSupport

/// Every call that touches a command's folder fails once, in every way that it can fail; from then on there may also be no
/// space, no right to write, or nothing at all.
///
/// No such failure may end in a crash, in a wrong result without a word, or in something that the next run trips over.
final class Faults: Sendable {
    private let bench: Workbench
    private let plan: Plan

    init(_ bench: Workbench, _ plan: Plan) {
        self.bench = bench
        self.plan = plan
    }

    /// What a call can come to, by the shim's names of kinds.
    private static let failures: [String: [String]] = [
        "open_read": ["EIO", "EINTR", "EMFILE", "ESTALE"], "open_write": ["ENOSPC", "EDQUOT", "EIO", "EINTR"],
        "read": ["EIO", "EINTR", "ESTALE", "SHORT"], "write": ["ENOSPC", "EDQUOT", "EIO", "EINTR", "SHORT"],
        "sync": ["ENOSPC", "EDQUOT", "EIO", "EINTR"], "rename": ["ENOSPC", "EDQUOT", "EIO"],
        "mkdir": ["ENOSPC", "EDQUOT", "EIO"], "remove": ["EIO"], "close": ["EIO", "EDQUOT", "EINTR"],
        "truncate": ["EIO", "EINTR"], "link": ["ENOSPC", "EIO"], "mmap": ["ENOMEM"], "status": ["EIO", "ESTALE"],
        "list": ["EIO", "EMFILE"], "lock": ["EINTR", "ENOLCK"], "mode": ["EIO"],
    ]
    private static let lasting = ["FULL", "READONLY", "DEAD"]

    private struct Model: Sendable {
        var subject: Case
        var facts: Facts
        /// Kind and name of every call, in order.
        var calls: [String]
    }

    private struct Fault: Sendable {
        var model: Int
        var call: Int
        var action: String
    }

    private func model(_ subject: Case) throws -> Model {
        let (output, log) = (bench.fresh(subject.name), bench.fresh("calls"))
        try subject.prepare(output)
        let outcome = try bench.succeed(
            subject.arguments(output), environment: bench.shim(subject.watched ?? output, calls: log))
        let facts = try subject.facts(output, outcome)
        let lines = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
            .split(separator: "\n")
        let calls = lines.map { String($0.split(separator: "\t")[1]) }
        bench.discard(output)
        bench.discard(log)
        return Model(subject: subject, facts: facts, calls: calls)
    }

    func run() throws -> Tally {
        let subjects = try Case.all(bench).filter { plan.includes($0.name) }
        let models = try subjects.map(model)
        var faults = models.enumerated().flatMap { index, model in
            model.calls.enumerated().flatMap { number, kind in
                ((Self.failures[kind] ?? ["EIO"]) + Self.lasting).map {
                    Fault(model: index, call: number + 1, action: $0)
                }
            }
        }
        var random = plan.random(-1)
        faults.shuffle(using: &random)
        var tally = Tally(part: "faults")
        tally.counts["possible"] = faults.count
        let chosen = faults
        let name: @Sendable (Int) -> String = {
            let fault = chosen[$0]
            return "\(models[fault.model].subject.name), call \(fault.call) "
                + "(\(models[fault.model].calls[fault.call - 1])) \(fault.action)"
        }
        return plan.trials(tally, count: min(plan.count, faults.count), name: name) { [self] trial, _ in
            try self.trial(models[chosen[trial].model], chosen[trial])
        }
    }

    private func trial(_ model: Model, _ fault: Fault) throws -> [String: Int] {
        let subject = model.subject
        let output = bench.fresh(subject.name)
        let log = bench.fresh("calls")
        defer { bench.discard(log) }
        var counts: [String: Int] = [:]
        do {
            try subject.prepare(output)
            let watched = subject.watched ?? output
            let first = try bench.run(
                subject.arguments(output),
                environment: bench.shim(watched, at: fault.call, fault.action, calls: log))
            try first.check()
            let incomplete = Self.lostRecords(first)
            let place = Self.place(log, fault)
            if first.succeeded {
                counts["harmless"] = 1
                do {
                    try subject.facts(output, first).check(
                        against: model.facts, incomplete: incomplete, isOfFailures: true)
                } catch {
                    throw Finding("succeeded, but \(error)\n  it said: \(first.shown)")
                }
            } else {
                counts["refused"] = 1
                try Self.checkMessage(first, watched: watched, place: place)
            }
            try Case.checkCheckpoints(output)
            if !first.succeeded || subject.isRepeatable {
                let second = try bench.run(subject.arguments(output))
                try second.check()
                try require(
                    second.succeeded || second.isAlreadyDone,
                    "the next run: \(second.shown)\n  the first: \(first.shown)")
                do {
                    let facts = try subject.facts(output, second)
                    try facts.check(against: model.facts, incomplete: incomplete, isOfFailures: true)
                    try require(
                        facts.checkpointCount <= model.facts.checkpointCount,
                        "\(facts.checkpointCount) checkpoints are left")
                } catch {
                    throw Finding("after the next run, \(error)\n  the first said: \(first.shown)")
                }
            }
            try Facts.checkNothingIsLeft(output)
        } catch {
            bench.leave([output])
            throw Finding("\(error)\n  in \(output) at \(Self.place(log, fault))")
        }
        bench.discard(output)
        return counts
    }

    /// The path of the call that failed.
    private static func place(_ log: String, _ fault: Fault) -> String {
        let lines = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
            .split(separator: "\n").map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
        let line = lines.first { $0[0] == "\(fault.call)" }
        return line.map { "\($0[2]) \($0[3])" } ?? "no call"
    }

    /// It says what does not work, and where.
    private static func checkMessage(_ outcome: Child.Outcome, watched: String, place: String) throws {
        // Reports, such as that of `checkpoint verify`, are not errors.
        let text = outcome.errors + outcome.output
        let errors = text.split(separator: "\n").filter { !$0.hasPrefix("warning:") }
        try require(!errors.isEmpty, "no message, exit \(outcome.end)")
        let name = place.split(separator: "/").last.map(String.init) ?? watched
        try require(
            text.contains(watched) || text.contains(name) || text.contains((watched as NSString).lastPathComponent),
            "the message does not say where: \(outcome.shown)")
    }

    /// Files of records that the program has said it could not write all of.
    private static func lostRecords(_ outcome: Child.Outcome) -> Set<String> {
        var lost: Set<String> = []
        for line in outcome.errors.split(separator: "\n") where line.contains("warning") {
            for name in ["metrics.jsonl", "samples.jsonl", "metrics.csv", "evaluations.csv", "tensorboard"]
            where line.contains(name) { lost.insert(name) }
        }
        return lost
    }
}
