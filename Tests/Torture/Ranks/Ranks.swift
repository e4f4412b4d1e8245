import Foundation
import Synchronization
import TestSupport

/// Runs that several ranks carry: any number of ranks and threads comes to the same, and a rank that is killed ends all of
/// them; another number under another MPI goes on.
final class Ranks: Sendable {
    /// A run is let go on to its end after so many.
    private static let mostKills = 6
    /// Ranks that are left behind a dead one are ended by their launcher; a busy machine takes its time.
    private static let patience = 30.0

    private let bench: Workbench
    private let plan: Plan
    private let kills = Mutex(0)

    init(_ bench: Workbench, _ plan: Plan) {
        self.bench = bench
        self.plan = plan
    }

    private static let settings = [
        "training.steps=100", "training.lanes=4", "training.chunk_tokens=64", "training.checkpoint_every=5",
        "training.evaluate_every=50",
    ]

    private struct Form: Sendable {
        var name: String
        var settings: [String]
        /// Of replicas, which have to stay; nil: any number of ranks comes to what one process does.
        var replicas: Int?
    }

    private static let metro = [
        "objective.name=metro", "model.embedding_size=32", "model.embedding_sharing=disentangled",
        "optimizer.separate=true",
    ]
    private static let bfloat16 = ["training.precision=bfloat16", "training.communication=bfloat16"]

    private static let forms = [
        Form(name: "electra", settings: []),
        Form(name: "metro", settings: metro),
        Form(name: "muon", settings: ["optimizer.kind=muon"]),
        Form(name: "bfloat16", settings: bfloat16),
        Form(
            name: "all", settings: metro + bfloat16 + ["optimizer.kind=muon", "optimizer.coupled_tables=true"]),
        // An alarm may come between the turns of a step.
        Form(name: "turns", settings: metro + ["optimizer.generator_first=true"]),
        // Its first step is one whose gradients are looked at.
        Form(name: "stages", settings: ["training.stages=[{steps: 29, batch_size: 4}]", "training.evaluate_every=10"]),
        Form(
            name: "replicas",
            settings: ["training.synchronisation.every=10", "training.checkpoint_every=10"], replicas: 2),
    ]

    /// A form as one process comes to it, and how long that takes.
    private struct Model: Sendable {
        var facts: Facts
        var seconds: Double
    }

    /// An MPI, and the library for it.
    private struct Launcher: Sendable {
        var mpi: MPI
        var library: String
    }

    func run() throws -> Tally {
        let forms = Self.forms.filter { plan.includes($0.name) }
        guard !forms.isEmpty else { throw Finding("no form is named like that") }
        let launchers = try MPI.all.enumerated().map { index, mpi in
            let library = bench.path + "/mpi-\(index).so"
            try bench.succeed(["mpi-library", "--mpicc", mpi.compiler, "--output", library])
            return Launcher(mpi: mpi, library: library)
        }
        guard !launchers.isEmpty else {
            say("  no MPI is installed: nothing was tried")
            return Tally(part: "ranks")
        }
        let models = forms.map { _ in Lazily<Model>() }
        // The plan counts kills, not runs.
        let isEnough: @Sendable () -> Bool = { [self] in kills.withLock { $0 } >= plan.count }
        return plan.trials(
            Tally(part: "ranks"), count: .max, name: { "run \($0) (\(forms[$0 % forms.count].name))" },
            { [self] trial, random in
                let form = forms[trial % forms.count]
                let model = try models[trial % models.count].get { try self.model(form, launchers[0]) }
                // The first of each form are left in peace.
                return try trial < forms.count * launchers.count
                    ? grid(form, launchers[trial / forms.count], model) : self.trial(form, launchers, model, &random)
            }, until: isEnough)
    }

    private func model(_ form: Form, _ launcher: Launcher) throws -> Model {
        let output = bench.fresh(form.name)
        defer { bench.discard(output) }
        let started = ContinuousClock.now
        if let replicas = form.replicas {
            let outcome = try start(output, form, launcher, ranks: replicas, threads: 1).end()
            try require(outcome.succeeded, "exit \(outcome.end): \(outcome.shown)")
        } else {
            try bench.succeed(bench.run(output, Self.settings + form.settings))
        }
        return Model(facts: try Facts(run: output), seconds: started.duration(to: .now) / .seconds(1))
    }

    private func start(_ output: String, _ form: Form, _ launcher: Launcher, ranks: Int, threads: Int) throws -> Child {
        let environment = MPI.environment(home: bench.path).merging(["PRETRAIN_MPI": launcher.library]) { $1 }
        let arguments = bench.run(output, Self.settings + form.settings, threads: threads)
        return try Child(
            "/usr/bin/env", launcher.mpi.words(ranks: ranks, [bench.program] + arguments), environment: environment,
            streams: bench.fresh("streams"))
    }

    /// 1, 2, 3 and 4 ranks with 1 and 2 threads.
    private func grid(_ form: Form, _ launcher: Launcher, _ model: Model) throws -> [String: Int] {
        var count = 0
        for ranks in form.replicas.map({ $0...$0 }) ?? 1...4 {
            for threads in 1...2 {
                let output = bench.fresh(form.name)
                do {
                    let outcome = try start(output, form, launcher, ranks: ranks, threads: threads).end()
                    try require(outcome.succeeded, "exit \(outcome.end): \(outcome.shown)")
                    try Facts(run: output).check(against: model.facts)
                } catch {
                    bench.leave([output])
                    throw Finding(
                        "\(ranks) ranks with \(threads) threads of \(launcher.mpi.name): \(error)\n  in \(output)")
                }
                bench.discard(output)
                count += 1
            }
        }
        return ["undisturbed": count]
    }

    private func trial(
        _ form: Form, _ launchers: [Launcher], _ model: Model, _ random: inout SplitMix64
    ) throws -> [String: Int] {
        let output = bench.fresh(form.name)
        var counts = ["killed runs": 1]
        var history: [String] = []
        var ranks = 0
        do {
            while true {
                // Never as many as before.
                ranks = form.replicas ?? (ranks + Int.random(in: 1...3, using: &random) - 1) % 4 + 1
                let launcher = launchers[Int.random(in: 0..<launchers.count, using: &random)]
                let child = try start(
                    output, form, launcher, ranks: ranks, threads: Int.random(in: 1...2, using: &random))
                let isLast = counts["kills", default: 0] == Self.mostKills || plan.isOver
                let moment = isLast ? nil : try killOne(of: child, output, model, ranks: ranks, &random)
                history.append("\(ranks) ranks of \(launcher.mpi.name): \(moment ?? "no kill")")
                let outcome = try child.end(within: moment == nil ? 600 : Self.patience)
                try outcome.checkText()
                if moment == nil {
                    try require(outcome.succeeded || outcome.isAlreadyDone, "exit \(outcome.end): \(outcome.shown)")
                    break
                }
                try waitUntilAllHaveGone(output)
                counts["kills", default: 0] += 1
                counts["kills of \(form.name)", default: 0] += 1
                kills.withLock { $0 += 1 }
            }
            try Facts(run: output).check(against: model.facts)
            try Facts.checkNothingIsLeft(output)
        } catch {
            for process in Processes.of(bench.program, having: output) { kill(process, SIGKILL) }
            bench.leave([output])
            throw Finding("\(error)\n  in \(output) after \(history.joined(separator: ", "))")
        }
        bench.discard(output)
        return counts
    }

    /// - Returns: which rank was killed and when; nil if there was none any more.
    private func killOne(
        of child: Child, _ output: String, _ model: Model, ranks: Int, _ random: inout SplitMix64
    ) throws -> String? {
        let seconds = Double.random(in: 0...Double(ranks) * model.seconds + 1, using: &random)
        let choice = Int.random(in: 0..<ranks, using: &random)
        if child.wait(seconds: seconds) { return nil }
        // They have not begun yet, or they have ended.
        var running = Processes.of(bench.program, having: output)
        while running.count < ranks, !child.wait(seconds: 0.02) {
            running = Processes.of(bench.program, having: output)
        }
        guard running.count == ranks else { return nil }
        // A signal that is heard goes to all, and saves the last finished step.
        let signal = Int.random(in: 0..<3, using: &random) == 0 ? SIGTERM : SIGKILL
        kill(running[choice], signal)
        let name = signal == SIGTERM ? "SIGTERM" : "SIGKILL"
        return "\(name) to process \(choice) " + String(format: "after %.3f s", seconds)
    }

    private func waitUntilAllHaveGone(_ output: String) throws {
        let end = ContinuousClock.now + .seconds(Self.patience)
        while !Processes.of(bench.program, having: output).isEmpty {
            try require(ContinuousClock.now < end, "ranks were left over")
            usleep(10_000)
        }
    }
}
