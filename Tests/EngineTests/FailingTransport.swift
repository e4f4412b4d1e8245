import Communication
import Synchronization

/// A way to the other ranks that breaks at one message.
final class FailingTransport: RankTransport {
    struct Broken: Error {}

    private let real: any RankTransport
    /// Messages that still go out; `nil` until it is to break.
    private let left = Mutex<Int?>(nil)

    init(_ real: any RankTransport) { self.real = real }

    var rank: Int { real.rank }
    var rankCount: Int { real.rankCount }

    /// - Parameter count: messages that still go out, before all others fail.
    func breaks(after count: Int) { left.withLock { $0 = count } }

    func send(_ bytes: UnsafeRawBufferPointer, to rank: Int, tag: Int) throws -> RankTransfer {
        let isBroken = left.withLock { left in
            guard let count = left else { return false }
            left = max(0, count - 1)
            return count == 0
        }
        if isBroken { throw Broken() }
        return try real.send(bytes, to: rank, tag: tag)
    }

    func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int?, tag: Int) throws -> RankTransfer {
        try real.receive(bytes, from: rank, tag: tag)
    }

    func isDone(_ transfer: RankTransfer) throws -> Bool { try real.isDone(transfer) }
    func cancel(_ transfer: RankTransfer) { real.cancel(transfer) }
    func finish() { real.finish() }
    func abort() { real.abort() }
}
