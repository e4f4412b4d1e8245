import Foundation
import Synchronization
import TestSupport

/// SIGKILL at random moments, again and again, until a run ends all the same: as if nothing had happened.
///
/// Half of the moments are random in time, the others before, after or in the middle of one of the calls that touch the
/// output, which are where a death leaves something.
final class Kills: Sendable {
    /// A run is let go on to its end after so many.
    private static let mostKills = 10

    private let bench: Workbench
    private let plan: Plan
    private let kills = Mutex(0)

    init(_ bench: Workbench, _ plan: Plan) {
        self.bench = bench
        self.plan = plan
    }

    /// An undisturbed run: what it comes to, how long it takes and how many calls it makes.
    private struct Model: Sendable {
        var form: Form
        var facts: Facts
        var seconds: Double
        var calls: Int
    }

    private func model(_ form: Form) throws -> Model {
        try form.prepare(bench)
        let (output, calls) = (bench.fresh(form.name), bench.fresh("calls"))
        try prepare(form, output)
        let started = ContinuousClock.now
        let outcome = try bench.succeed(
            try form.arguments(bench, output), environment: bench.shim(output, calls: calls))
        let seconds = started.duration(to: .now) / .seconds(1)
        let facts = try form.facts(bench, output, outcome)
        let count = (FileManager.default.contents(atPath: calls) ?? Data()).count { $0 == UInt8(ascii: "\n") }
        for path in [output, calls] + form.aside(output) { bench.discard(path) }
        return Model(form: form, facts: facts, seconds: seconds, calls: count)
    }

    /// Commands that do not make their folder.
    private func prepare(_ form: Form, _ output: String) throws {
        if ["tokenizer", "export"].contains(form.name) { try OutputFolders.make(output) }
    }

    func run() throws -> Tally {
        let forms = Form.all.filter { plan.includes($0.name) }
        guard !forms.isEmpty else { throw Finding("no form is named like that") }
        let models = forms.map { _ in Lazily<Model>() }
        let names = forms.map(\.name)
        let name: @Sendable (Int) -> String = { "run \($0) (\(names[$0 % names.count]))" }
        // The plan counts kills, not runs.
        let isEnough: @Sendable () -> Bool = { [self] in kills.withLock { $0 } >= plan.count }
        return plan.trials(
            Tally(part: "kills"), count: .max, name: name,
            { [self] trial, random in
                let model = try models[trial % models.count].get { try self.model(forms[trial % forms.count]) }
                return try self.trial(model, &random)
            }, until: isEnough)
    }

    private func trial(_ model: Model, _ random: inout SplitMix64) throws -> [String: Int] {
        let form = model.form
        let output = bench.fresh(form.name)
        try prepare(form, output)
        var counts = ["runs": 1]
        var history: [String] = []
        do {
            while true {
                let isLast = counts["kills", default: 0] == Self.mostKills || plan.isOver
                let (outcome, moment) = try attempt(model, output, isLast: isLast, &random)
                history.append(moment)
                if outcome.end == .killed(SIGKILL) {
                    counts["kills", default: 0] += 1
                    counts["kills of \(form.name)", default: 0] += 1
                    kills.withLock { $0 += 1 }
                    continue
                }
                try outcome.check()
                try require(outcome.succeeded || outcome.isAlreadyDone, "exit \(outcome.end): \(outcome.shown)")
                try form.facts(bench, output, outcome).check(against: model.facts)
                try Facts.checkNothingIsLeft(output)
                break
            }
        } catch {
            bench.leave([output] + form.aside(output))
            throw Finding("\(error)\n  in \(output) after \(history.joined(separator: ", "))")
        }
        for path in [output] + form.aside(output) { bench.discard(path) }
        return counts
    }

    private func attempt(
        _ model: Model, _ output: String, isLast: Bool, _ random: inout SplitMix64
    ) throws -> (Child.Outcome, String) {
        let arguments = try model.form.arguments(bench, output)
        if isLast { return (try bench.run(arguments), "no kill") }
        if model.calls > 0, Bool.random(using: &random) {
            let number = Int.random(in: 1...model.calls, using: &random)
            let action = ["KILL", "KILLAFTER", "TEAR"].randomElement(using: &random) ?? "KILL"
            let environment = bench.shim(output, at: number, action)
            return (try bench.run(arguments, environment: environment), "\(action) at call \(number)")
        }
        let seconds = Double.random(in: 0...1.1 * model.seconds, using: &random)
        let child = try bench.start(arguments)
        if !child.wait(seconds: seconds) { child.send(SIGKILL) }
        return (try child.end(), String(format: "%.3f s", seconds))
    }
}

enum OutputFolders {
    static func make(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
}
