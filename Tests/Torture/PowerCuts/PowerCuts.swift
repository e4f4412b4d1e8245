import Checkpoints
import Foundation
import TestSupport

/// The power goes at any moment of a run: what was not synced is lost, torn, zeros, or there before what it stood upon.
///
/// Whatever is left, a published checkpoint is whole, and the same command goes on or begins anew and comes to the same.
final class PowerCuts: Sendable {
    /// States that are looked at for each that a run goes on from.
    private static let looks = 25

    private let bench: Workbench
    private let plan: Plan

    init(_ bench: Workbench, _ plan: Plan) {
        self.bench = bench
        self.plan = plan
    }

    private struct Model: Sendable {
        var subject: Case
        var facts: Facts
        var disk: SimulatedDisk
    }

    private func model(_ subject: Case) throws -> Model {
        let (folder, before, record) = (bench.fresh(subject.name), bench.fresh("before"), bench.fresh("record"))
        for path in [folder, before] {
            try OutputFolders.make(path)
            try subject.prepare(path + "/run")
        }
        let output = folder + "/run"
        let outcome = try bench.succeed(subject.arguments(output), environment: bench.shim(folder, record: record))
        let model = Model(
            subject: subject, facts: try subject.facts(output, outcome),
            disk: try SimulatedDisk(base: before, root: folder, calls: try RecordedCall.read(record)))
        for path in [folder, before, record] { bench.discard(path) }
        return model
    }

    func run() throws -> Tally {
        let models = try Case.runs(bench).filter { plan.includes($0.name) }.map(model)
        var tally = Tally(part: "power")
        tally.counts["moments"] = models.reduce(0) { $0 + $1.disk.count }
        for model in models {
            do { try checkEnd(model) } catch { tally.findings.append("\(model.subject.name): \(error)") }
        }
        for finding in tally.findings { say("FOUND \(finding)") }
        return plan.trials(tally) { [self] trial, random in try self.trial(models[trial % models.count], &random) }
    }

    /// Once the program has ended well, nothing of what it came to is lost any more.
    private func checkEnd(_ model: Model) throws {
        var random = plan.random(-1)
        let folder = bench.fresh("power")
        defer { bench.discard(folder) }
        try model.disk.state(after: model.disk.count, losing: .everything, &random).store(at: folder)
        let outcome = Child.Outcome(end: .exited(0), output: "", errors: "")
        do { try model.subject.facts(folder + "/run", outcome).check(against: model.facts) } catch {
            throw Finding("behind the end of the program, \(error)")
        }
    }

    private func trial(_ model: Model, _ random: inout SplitMix64) throws -> [String: Int] {
        let losses = SimulatedDisk.Loss.allCases + [.anything, .anything, .anything]
        for look in 1...Self.looks {
            let moment = Int.random(in: 0...model.disk.count, using: &random)
            let loss = losses.randomElement(using: &random) ?? .anything
            let state = model.disk.state(after: moment, losing: loss, &random)
            let folder = bench.fresh("power")
            let output = folder + "/run"
            do {
                try state.store(at: folder)
                try Case.checkCheckpoints(output)
                if look == Self.looks {
                    let outcome = try bench.run(model.subject.arguments(output))
                    try outcome.check()
                    let isDone = outcome.errors.contains("has finished its")
                    try require(outcome.succeeded || isDone, "the next run: \(outcome.shown)")
                    do {
                        try model.subject.facts(output, outcome).check(against: model.facts)
                        try Facts.checkNothingIsLeft(output)
                    } catch {
                        throw Finding("\(error)\n  it said: \(outcome.shown)")
                    }
                }
            } catch {
                bench.leave([folder])
                throw Finding(
                    "after \(moment) of \(model.disk.count) changes (\(model.subject.name)), losing \(loss.rawValue): \(error)"
                        + "\n  in \(folder)")
            }
            bench.discard(folder)
        }
        return ["states": Self.looks, "runs": 1]
    }
}
