import Foundation

/// Reads windows ahead on a thread of its own, one source after another.
///
/// Only when a window is read depends on the threads' timing, never which one: the caller asks by position.
final class WindowPrefetcher: @unchecked Sendable {
    private struct Request {
        var source: Int
        var start: WindowStart
    }

    // Everything below is guarded by `condition`, but for the readers, which only the thread touches.
    private let condition = NSCondition()
    private var requests: [Request] = []
    private var requested: [WindowStart?]
    private var finished: [Result<DocumentWindow, any Error>?]
    private var isRunning = true
    private let readers: [WindowReader]
    private let cancellation: Cancellation

    init(readers: [WindowReader], cancellation: Cancellation) {
        self.readers = readers
        self.cancellation = cancellation
        requested = Array(repeating: nil, count: readers.count)
        finished = Array(repeating: nil, count: readers.count)
    }

    /// Reads until cancelled; the thread's body.
    func run() {
        while true {
            condition.lock()
            while requests.isEmpty && !cancellation.isCancelled { condition.wait() }
            if cancellation.isCancelled {
                isRunning = false
                condition.broadcast()
                condition.unlock()
                return
            }
            let request = requests.removeFirst()
            condition.unlock()
            let result = Result { try readers[request.source].read(request.start) }
            condition.lock()
            if requested[request.source] == request.start { finished[request.source] = result }
            condition.broadcast()
            condition.unlock()
        }
    }

    /// Asks for a window to be read ahead.
    func request(source: Int, start: WindowStart) {
        condition.lock()
        defer { condition.unlock() }
        enqueue(source, start)
    }

    /// The window at a position, waiting for it if need be.
    func take(source: Int, start: WindowStart) throws -> DocumentWindow {
        condition.lock()
        defer { condition.unlock() }
        if requested[source] != start { enqueue(source, start) }
        while true {
            if let result = finished[source] {
                finished[source] = nil
                requested[source] = nil
                return try result.get()
            }
            if cancellation.isCancelled { throw CorpusError.stopped }
            condition.wait()
        }
    }

    /// Wakes whoever waits after a cancellation.
    func wake() {
        condition.lock()
        condition.broadcast()
        condition.unlock()
    }

    /// Waits until the thread has ended.
    func join() {
        condition.lock()
        while isRunning { condition.wait() }
        condition.unlock()
    }

    private func enqueue(_ source: Int, _ start: WindowStart) {
        requests.removeAll { $0.source == source }
        finished[source] = nil
        requested[source] = start
        requests.append(Request(source: source, start: start))
        condition.broadcast()
    }
}
