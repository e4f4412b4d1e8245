import Foundation

/// Ranks that are threads of one process: for tests, which need no MPI then.
///
/// Its locks are `NSLock`s: the thread sanitizer does not see through Swift's `Mutex` where it is waited for, and would report every
/// message.
public final class ThreadTransport: RankTransport, @unchecked Sendable {
    private struct Message {
        let from: Int
        let tag: Int
        let bytes: [UInt8]
    }

    private struct Request: @unchecked Sendable {
        let rank: Int?
        let tag: Int
        let bytes: UnsafeMutableRawBufferPointer
    }

    /// What all have in common.
    private final class Office: @unchecked Sendable {
        private let lock = NSLock()
        /// By the rank that they are for, in the order in which they were sent.
        private var boxes: [[Message]]

        init(count: Int) { boxes = [[Message]](repeating: [], count: count) }

        func withBoxes<Result>(_ body: (inout [[Message]]) -> Result) -> Result { lock.withLock { body(&boxes) } }
    }

    /// What one rank waits for.
    private struct Requests {
        var next = 0
        var open: [Int: Request] = [:]
    }

    public let rank: Int
    public let rankCount: Int
    private let office: Office
    private let lock = NSLock()
    private var requests = Requests()

    private init(rank: Int, count: Int, _ office: Office) {
        self.rank = rank
        rankCount = count
        self.office = office
    }

    /// Ranks that reach one another.
    public static func ranks(_ count: Int) -> [ThreadTransport] {
        let office = Office(count: count)
        return (0..<count).map { ThreadTransport(rank: $0, count: count, office) }
    }

    public func send(_ bytes: UnsafeRawBufferPointer, to rank: Int, tag: Int) throws -> RankTransfer {
        let message = Message(from: self.rank, tag: tag, bytes: Array(bytes))
        office.withBoxes { $0[rank].append(message) }
        return RankTransfer(slot: -1)
    }

    public func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int?, tag: Int) throws -> RankTransfer {
        let request = Request(rank: rank, tag: tag, bytes: bytes)
        return lock.withLock {
            requests.next += 1
            requests.open[requests.next] = request
            return RankTransfer(slot: requests.next)
        }
    }

    public func isDone(_ transfer: RankTransfer) throws -> Bool {
        guard let request = lock.withLock({ requests.open[transfer.slot] }) else { return true }
        let message = office.withBoxes { boxes -> Message? in
            let found = boxes[rank].firstIndex {
                $0.tag == request.tag && (request.rank == nil || $0.from == request.rank)
            }
            return found.map { boxes[rank].remove(at: $0) }
        }
        guard let message else { return false }
        precondition(message.bytes.count <= request.bytes.count, "a message is longer than the place for it")
        request.bytes.copyBytes(from: message.bytes)
        lock.withLock { requests.open[transfer.slot] = nil }
        return true
    }

    public func cancel(_ transfer: RankTransfer) { lock.withLock { requests.open[transfer.slot] = nil } }

    public func finish() {}

    public func abort() {}
}
