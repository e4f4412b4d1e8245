import Communication
import Foundation
import Kernels
import Synchronization

/// Ranks as threads of this process.
enum ThreadRanks {
    /// - Parameters:
    ///   - threads: of each rank.
    ///   - mayBreak: whether their way to others is a `FailingTransport`.
    ///   - body: what each does; runs on all at once.
    /// - Returns: by rank.
    static func run<Outcome: Sendable>(
        _ count: Int, threads: Int, mayBreak: Bool = false,
        _ body: @escaping @Sendable (RankGroup, ThreadPool) throws -> Outcome
    ) throws -> [Outcome] {
        let results = Mutex([Result<Outcome, any Error>?](repeating: nil, count: count))
        let done = DispatchSemaphore(value: 0)
        for transport in ThreadTransport.ranks(count) {
            Thread {
                let result = Result {
                    let group = try RankGroup(
                        mayBreak ? FailingTransport(transport) : transport, host: "here")
                    let pool = ThreadPool(threadCount: threads)
                    defer { pool.shutDown() }
                    return try body(group, pool)
                }
                results.withLock { $0[transport.rank] = result }
                done.signal()
            }.start()
        }
        for _ in 0..<count { done.wait() }
        return try results.withLock { try $0.map { try $0!.get() } }
    }
}
