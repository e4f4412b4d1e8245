import ArgumentParser
import Foundation

/// Does to runs what happens to them once in years, thousands of times: `make torture`, docs/RELIABILITY.md.
@main
struct Torture: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "torture",
        abstract:
            "Kills runs, fails their calls, cuts their power, flips bits, races them, lets them run long and shares them out.",
        discussion: """
            Every part compares what the disturbed runs come to with an undisturbed one, bit for bit, on tiny models. Without \
            names of parts: all of them. The exit status is 1 if anything was found; what was found is told with the \
            seed and the number of the trial, and --keep leaves its folder.

              torture                               all parts, a few minutes
              torture --hours 3                     all parts in turn, with new seeds, until the time is over
              torture kills --count 1000 --only metro --seed 7
              torture faults power --minutes 30
            """)

    @Argument(help: "Parts: \(Part.allCases.map(\.rawValue).joined(separator: ", ")).")
    var parts: [Part] = []
    @Option(help: "Trials of each part. Default: a number of its own.")
    var count: Int?
    @Option(help: "Trials of all parts together end after this many minutes, and each part has its share.")
    var minutes: Double?
    @Option(help: "As --minutes; the parts take turns with new seeds until the time is over.")
    var hours: Double?
    @Option(help: "Decides every random choice.")
    var seed: UInt64 = 1
    @Option(help: "Trials at a time.")
    var jobs = max(1, ProcessInfo.processInfo.activeProcessorCount)
    @Option(help: "Forms of a run, faults or cases: only those with this in their names.")
    var only: String?
    @Option(help: "The program. Default: the one that lies beside this one.", completion: .file())
    var program: String?
    @Option(help: "Where to work. Default: in memory (/dev/shm) if there is one.", completion: .directory)
    var folder: String?
    @Flag(help: "Leave the folders of trials that found something.")
    var keep = false

    func validate() throws {
        guard jobs > 0 else { throw ValidationError("--jobs must be at least 1") }
        guard count ?? 1 > 0 else { throw ValidationError("--count must be at least 1") }
        guard minutes ?? 1 > 0, hours ?? 1 > 0 else { throw ValidationError("the time must be positive") }
    }

    func run() throws {
        let bench = try Workbench(program: program, folder: folder, keeps: keep, jobs: jobs)
        let parts = parts.isEmpty ? Part.allCases : parts
        let started = ContinuousClock.now
        let limit = (hours.map { $0 * 60 } ?? minutes).map { Duration.seconds($0 * 60) }
        let end = limit.map { started + $0 }
        var tallies = parts.map { Tally(part: $0.rawValue) }
        var round: UInt64 = 0
        repeat {
            for (index, part) in parts.enumerated() {
                // What is left of the time is divided among the parts that are left of this round.
                let share = end.map { end in
                    let left = ContinuousClock.now.duration(to: end) / (hours == nil ? parts.count - index : 6)
                    return ContinuousClock.now + (hours == nil ? left : min(left, .seconds(600)))
                }
                let plan = Plan(
                    count: count ?? part.defaultCount, end: share, seed: seed &+ round &* 1_000_003, only: only,
                    jobs: jobs)
                say("\(part.rawValue): seed \(plan.seed)")
                let tally = try part.run(bench, plan)
                tallies[index].add(tally)
                say(tally.summary)
            }
            round += 1
        } while hours != nil && end.map { ContinuousClock.now < $0 } == true
        if round > 1 {
            say("\nin \(round) rounds")
            for tally in tallies { say(tally.summary) }
        }
        let seconds = started.duration(to: .now) / .seconds(1)
        say(String(format: "%.0f s", seconds))
        if tallies.contains(where: { !$0.findings.isEmpty }) { throw ExitCode(1) }
    }
}

/// What there is to endure.
enum Part: String, CaseIterable, ExpressibleByArgument {
    case kills, faults, power, flips, races, long, ranks

    /// Trials that take a minute or two on two cores.
    var defaultCount: Int {
        switch self {
        case .kills: 200
        case .faults: 400
        case .power: 400
        case .flips: 20_000
        case .races: 100
        case .long: 100
        case .ranks: 20
        }
    }

    func run(_ bench: Workbench, _ plan: Plan) throws -> Tally {
        switch self {
        case .kills: try Kills(bench, plan).run()
        case .faults: try Faults(bench, plan).run()
        case .power: try PowerCuts(bench, plan).run()
        case .flips: try Flips(bench, plan).run()
        case .races: try Races(bench, plan).run()
        case .long: try LongRuns(bench, plan).run()
        case .ranks: try Ranks(bench, plan).run()
        }
    }
}
