import Synchronization

/// Counts the bytes of text held in buffers, so that a test can show that they stay bounded.
package final class MemoryGauge: Sendable {
    private let state = Mutex((current: 0, peak: 0))

    package init() {}

    package var current: Int { state.withLock { $0.current } }
    package var peak: Int { state.withLock { $0.peak } }

    func add(_ bytes: Int) {
        state.withLock {
            $0.current += bytes
            $0.peak = max($0.peak, $0.current)
        }
    }
}
