import Synchronization

/// A flag by which one thread asks others to stop.
final class Cancellation: Sendable {
    private let flag = Atomic(false)

    func cancel() { flag.store(true, ordering: .releasing) }

    var isCancelled: Bool { flag.load(ordering: .acquiring) }

    func check() throws {
        if isCancelled { throw CorpusError.stopped }
    }
}
