import Foundation

/// A bounded queue between the thread that makes batches and the one that trains.
final class BatchQueue: @unchecked Sendable {
    // Everything is guarded by `condition`.
    private let condition = NSCondition()
    private let capacity: Int
    private var batches: [LoadedBatch] = []
    private var failure: (any Error)?
    private var isStopped = false
    private var isProducing = true

    init(capacity: Int) { self.capacity = capacity }

    /// Waits for room.
    ///
    /// - Returns: false if the queue was stopped.
    func put(_ batch: LoadedBatch) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while batches.count >= capacity && !isStopped { condition.wait() }
        if isStopped { return false }
        batches.append(batch)
        condition.broadcast()
        return true
    }

    /// Ends the queue after what is in it.
    func fail(_ error: any Error) {
        condition.lock()
        failure = error
        condition.broadcast()
        condition.unlock()
    }

    /// Waits for a batch.
    ///
    /// - Parameter check: called before waiting and several times a second while it lasts; what it throws ends the wait.
    /// - Throws: what the queue failed with, at every call from then on.
    func take(check: () throws -> Void) throws -> LoadedBatch {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if isStopped { throw CorpusError.stopped }
            if !batches.isEmpty {
                condition.broadcast()
                return batches.removeFirst()
            }
            if let failure { throw failure }
            try check()
            _ = condition.wait(until: Date(timeIntervalSinceNow: 0.1))
        }
    }

    func stop() {
        condition.lock()
        isStopped = true
        batches.removeAll()
        condition.broadcast()
        condition.unlock()
    }

    /// Says that the producing thread has ended.
    func finishProducing() {
        condition.lock()
        isProducing = false
        condition.broadcast()
        condition.unlock()
    }

    /// Waits until the producing thread has ended.
    func join() {
        condition.lock()
        while isProducing { condition.wait() }
        condition.unlock()
    }
}
