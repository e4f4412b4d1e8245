import Foundation

/// Runs the frames of a checkpoint on several threads, with steps that must happen in order, such as hashing.
///
/// Indices are handed out in increasing order, so the lowest index under way never waits for one that has not
/// started: there is no deadlock however few threads really run.
final class OrderedWork: @unchecked Sendable {
    private let condition = NSCondition()
    private var nextTicket = 0
    private var nextTurn: [Int]
    private var failure: (any Error)?

    private struct Aborted: Error {}

    private init(lanes: Int) {
        nextTurn = Array(repeating: 0, count: lanes)
    }

    /// Calls `body` once for every index below `count`, on up to `threads` threads.
    ///
    /// - Parameters:
    ///   - lanes: number of independent orders.
    ///   - workers: makes what one thread needs for itself.
    ///   - body: may call `inTurn` of the value it is given.
    /// - Throws: the first error of `body`; the others stop soon after it.
    static func run<Worker: ~Copyable>(
        count: Int, threads: Int, lanes: Int, workers makeWorker: @Sendable () -> Worker,
        body: @Sendable (OrderedWork, inout Worker, Int) throws -> Void
    ) throws {
        let work = OrderedWork(lanes: lanes)
        DispatchQueue.concurrentPerform(iterations: max(1, min(threads, count))) { _ in
            var worker = makeWorker()
            while let index = work.takeTicket(below: count) {
                do {
                    try body(work, &worker, index)
                } catch {
                    work.fail(error)
                }
            }
        }
        if let failure = work.failure { throw failure }
    }

    /// Waits until all lower turns of the lane are done, then runs `body` alone in its lane.
    ///
    /// - Parameter turn: 0, 1, 2 … without a gap, increasing with the index.
    func inTurn(lane: Int, turn: Int, _ body: () throws -> Void) throws {
        condition.lock()
        while nextTurn[lane] != turn, failure == nil { condition.wait() }
        let aborted = failure != nil
        condition.unlock()
        if aborted { throw Aborted() }
        try body()
        condition.lock()
        nextTurn[lane] += 1
        condition.broadcast()
        condition.unlock()
    }

    private func takeTicket(below count: Int) -> Int? {
        condition.lock()
        defer { condition.unlock() }
        guard failure == nil, nextTicket < count else { return nil }
        nextTicket += 1
        return nextTicket - 1
    }

    private func fail(_ error: any Error) {
        condition.lock()
        defer { condition.unlock() }
        if failure == nil, !(error is Aborted) { failure = error }
        condition.broadcast()
    }
}
