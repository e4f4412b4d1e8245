import Foundation
import Machine
import Synchronization

/// Several pieces of work at a time, each on a thread of its own.
public enum SideBySide {
    /// Does all, in their order as threads become free; after a failure none is begun.
    ///
    /// - Parameters:
    ///   - jobs: at a time.
    ///   - body: given the piece and which of the threads it is on.
    /// - Returns: the results, in the order of the pieces.
    /// - Throws: the first error.
    public static func run<Piece: Sendable, Result: Sendable>(
        _ pieces: [Piece], jobs: Int, _ body: @escaping @Sendable (_ piece: Piece, _ job: Int) throws -> Result
    ) throws -> [Result] {
        let queue = Mutex(Array(pieces.enumerated())[...])
        let results = Mutex([Result?](repeating: nil, count: pieces.count))
        let failure = Mutex<(any Error)?>(nil)
        let finished = DispatchGroup()
        for job in 0..<min(jobs, pieces.count) {
            finished.enter()
            do {
                try StartedThread.start(stackBytes: 8 << 20) {
                    defer { finished.leave() }
                    while failure.withLock({ $0 == nil }), let (index, piece) = queue.withLock({ $0.popFirst() }) {
                        do {
                            let result = try body(piece, job)
                            results.withLock { $0[index] = result }
                        } catch {
                            failure.withLock { $0 = $0 ?? error }
                        }
                    }
                }
            } catch {
                failure.withLock { $0 = $0 ?? error }
                finished.leave()
            }
        }
        finished.wait()
        if let error = failure.withLock({ $0 }) { throw error }
        return results.withLock { $0.compactMap(\.self) }
    }
}
