import Foundation
import Synchronization

/// Ranks that are threads of one process: for tests, which need no MPI then.
public final class ThreadTransport: RankTransport {
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
    private final class Office: Sendable {
        /// By the rank that they are for, in the order in which they were sent.
        let boxes: Mutex<[[Message]]>

        init(count: Int) { boxes = Mutex([[Message]](repeating: [], count: count)) }
    }

    public let rank: Int
    public let rankCount: Int
    private let office: Office
    private let requests = Mutex<(next: Int, open: [Int: Request])>((0, [:]))

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
        office.boxes.withLock { $0[rank].append(message) }
        return RankTransfer(slot: -1)
    }

    public func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int?, tag: Int) throws -> RankTransfer {
        let request = Request(rank: rank, tag: tag, bytes: bytes)
        return requests.withLock { requests in
            requests.next += 1
            requests.open[requests.next] = request
            return RankTransfer(slot: requests.next)
        }
    }

    public func isDone(_ transfer: RankTransfer) throws -> Bool {
        guard let request = requests.withLock({ $0.open[transfer.slot] }) else { return true }
        let message = office.boxes.withLock { boxes -> Message? in
            let found = boxes[rank].firstIndex {
                $0.tag == request.tag && (request.rank == nil || $0.from == request.rank)
            }
            return found.map { boxes[rank].remove(at: $0) }
        }
        guard let message else { return false }
        precondition(message.bytes.count <= request.bytes.count, "a message is longer than the place for it")
        request.bytes.copyBytes(from: message.bytes)
        requests.withLock { $0.open[transfer.slot] = nil }
        return true
    }

    public func cancel(_ transfer: RankTransfer) { requests.withLock { $0.open[transfer.slot] = nil } }

    public func finish() {}

    public func abort() {}
}
