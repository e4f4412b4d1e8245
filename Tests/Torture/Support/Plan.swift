import Foundation
import Synchronization
import TestSupport

/// How much a part is to do.
struct Plan: Sendable {
    var count: Int
    /// When it has to stop, whatever is left to do.
    var end: ContinuousClock.Instant?
    var seed: UInt64
    var only: String?
    var jobs: Int

    var isOver: Bool { end.map { ContinuousClock.now >= $0 } ?? false }

    func includes(_ name: String) -> Bool { only.map { name.contains($0) } ?? true }

    /// The random choices of a trial: the same whatever ran before it.
    func random(_ trial: Int) -> SplitMix64 {
        var mixed = SplitMix64(seed: seed)
        return SplitMix64(seed: mixed.next() ^ (UInt64(bitPattern: Int64(trial)) &* 0x9E37_79B9_7F4A_7C15))
    }

    /// Carries out trials 0, 1, … side by side until there are `count` the time is over, or it is enough.
    ///
    /// - Parameter body: throws what it has found.
    func trials(
        _ tally: Tally, count: Int? = nil, name: @escaping @Sendable (Int) -> String = { "trial \($0)" },
        _ body: @escaping @Sendable (Int, inout SplitMix64) throws -> [String: Int],
        until isEnough: @escaping @Sendable () -> Bool = { false }
    ) -> Tally {
        let count = count ?? self.count
        let next = Mutex(0)
        let result = Mutex(tally)
        DispatchQueue.concurrentPerform(iterations: jobs) { _ in
            while !isOver, !isEnough() {
                let trial = next.withLock { value in
                    defer { value += 1 }
                    return value
                }
                guard trial < count else { return }
                var random = random(trial)
                do {
                    let counts = try body(trial, &random)
                    result.withLock { $0.add(counts) }
                } catch {
                    let text = "\(name(trial)), seed \(seed): \(error)"
                    say("FOUND \(text)")
                    result.withLock { $0.findings.append(text) }
                }
                result.withLock { $0.trials += 1 }
            }
        }
        return result.withLock { $0 }
    }
}

/// What a part has done and found.
struct Tally: Sendable {
    var part: String
    var trials = 0
    /// Of things that were done or seen, by name.
    var counts: [String: Int] = [:]
    var findings: [String] = []

    init(part: String) { self.part = part }

    mutating func add(_ other: [String: Int]) { counts.merge(other, uniquingKeysWith: +) }

    mutating func add(_ other: Tally) {
        trials += other.trials
        add(other.counts)
        findings += other.findings
    }

    var summary: String {
        let details = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        return "\(part): \(trials) trials" + (details.isEmpty ? "" : " (\(details))")
            + (findings.isEmpty ? ", nothing found" : ", \(findings.count) FOUND")
    }
}

/// Something that must not be.
struct Finding: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

func require(_ condition: Bool, _ text: @autoclosure () -> String) throws {
    if !condition { throw Finding(text()) }
}

/// A line for whoever watches, at once: standard output may be a file.
func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
