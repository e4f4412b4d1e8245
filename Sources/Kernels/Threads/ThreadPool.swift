import Atomics
import Foundation
import Machine

/// A fixed set of threads that carry out the tasks of one parallel region after another.
///
/// Which thread takes which task is left to chance, so tasks must not depend on it: they write disjoint memory, and
/// whatever is summed over tasks is summed afterwards in task order. The calling thread only waits: floating-point modes
/// are set on the pool's own threads.
///
/// Regions of several callers come one after another. A task must not start a region of the pool that it runs on.
public final class ThreadPool: @unchecked Sendable {
    public let threadCount: Int

    /// Held from the start of a region to its end, so that there is one at a time and none is left behind by `shutDown`.
    private let turn = NSLock()
    private let condition = NSCondition()
    private let finished = NSCondition()
    private var generation = 0
    private var region: Region?
    private var stopping = false
    private var workers: [pthread_t] = []
    /// Why there are fewer threads than wanted; nil where all are there.
    private(set) var shortage: ThreadShortage?

    /// One parallel region. Kept alive by every worker that looks at it, so a late worker finds no dangling state.
    private final class Region: @unchecked Sendable {
        let taskCount: Int
        let body: @Sendable (_ task: Int, _ worker: Int) -> Void
        let next = ManagedAtomic<Int>(0)
        let remaining: ManagedAtomic<Int>

        init(_ taskCount: Int, _ body: @escaping @Sendable (Int, Int) -> Void) {
            self.taskCount = taskCount
            self.body = body
            remaining = ManagedAtomic(taskCount)
        }
    }

    /// A pool for where the machine's limits are not asked, as in benchmarks and tests; see `reserving`.
    public convenience init(threadCount: Int) { self.init(threadCount: threadCount, stackBytes: Kernels.stackBytes) }

    init(threadCount: Int, stackBytes: Int) {
        precondition(threadCount > 0)
        self.threadCount = threadCount
        ProductLibrary.current.prepare()
        do {
            for worker in 0..<threadCount {
                try StartedThread.start(stackBytes: stackBytes) { [weak self] in
                    ThreadName.set("pretrain-\(worker)")
                    Kernels.flushDenormals()
                    MemoryNodes.current.settle(thread: worker, of: threadCount)
                    self?.enlist()
                    var seen = 0
                    while let region = self?.waitForRegion(after: &seen) { self?.work(on: region, worker) }
                }
            }
        } catch { shortage = error }
    }

    /// Ends the threads, after the region that is under way. The pool runs nothing afterwards.
    public func shutDown() {
        turn.lock()
        defer { turn.unlock() }
        condition.lock()
        stopping = true
        condition.broadcast()
        condition.unlock()
    }

    /// Runs `body(task, worker)` for every task in 0 ..< taskCount and returns when all are done.
    ///
    /// - Parameter body: `worker` in 0 ..< threadCount tells which scratch memory is the task's own.
    public func run(_ taskCount: Int, _ body: @escaping @Sendable (_ task: Int, _ worker: Int) -> Void) {
        guard taskCount > 0 else { return }
        precondition(!isWorker, "a task started a region on the pool that it runs on")
        turn.lock()
        defer { turn.unlock() }
        let region = Region(taskCount, body)
        condition.lock()
        precondition(!stopping, "a region was started on a pool that has been shut down")
        self.region = region
        generation += 1
        condition.broadcast()
        condition.unlock()
        finished.lock()
        while region.remaining.load(ordering: .acquiring) > 0 { finished.wait() }
        finished.unlock()
        condition.lock()
        self.region = nil
        condition.unlock()
    }

    private func enlist() {
        condition.lock()
        workers.append(pthread_self())
        condition.unlock()
    }

    /// Whether the calling thread is one of the pool's own.
    private var isWorker: Bool {
        condition.lock()
        defer { condition.unlock() }
        return workers.contains { pthread_equal($0, pthread_self()) != 0 }
    }

    private func waitForRegion(after seen: inout Int) -> Region? {
        condition.lock()
        defer { condition.unlock() }
        while !stopping, generation == seen || region == nil { condition.wait() }
        if stopping { return nil }
        seen = generation
        return region
    }

    private func work(on region: Region, _ worker: Int) {
        while true {
            let task = region.next.loadThenWrappingIncrement(ordering: .relaxed)
            guard task < region.taskCount else { return }
            region.body(task, worker)
            if region.remaining.wrappingDecrementThenLoad(ordering: .acquiringAndReleasing) == 0 {
                finished.lock()
                finished.broadcast()
                finished.unlock()
            }
        }
    }
}
