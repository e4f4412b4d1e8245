import Atomics
import Dispatch
import Foundation
import Kernels
import Machine
import TestSupport
import Testing

@Suite("Thread pool")
struct ThreadPoolTests {
    @Test("Every task runs once, with scratch memory of its own", arguments: 1...8)
    func everyTaskOnce(threads: Int) {
        let pool = ThreadPool(threadCount: threads)
        defer { pool.shutDown() }
        for count in [0, 1, 2, threads - 1, threads, threads + 1, 17, 1000] {
            let runs = (0..<count).map { _ in ManagedAtomic(0) }
            let busy = (0..<threads).map { _ in ManagedAtomic(false) }
            let clashes = ManagedAtomic(0)
            pool.run(count) { task, worker in
                if busy[worker].exchange(true, ordering: .acquiringAndReleasing) {
                    clashes.wrappingIncrement(ordering: .relaxed)
                }
                runs[task].wrappingIncrement(ordering: .relaxed)
                busy[worker].store(false, ordering: .releasing)
            }
            #expect(runs.allSatisfy { $0.load(ordering: .relaxed) == 1 })
            #expect(clashes.load(ordering: .relaxed) == 0)
        }
    }

    @Test("Threads that the system does not give are an error, not waited for")
    func shortage() {
        // No stack is so large.
        let error = #expect(throws: ThreadShortage.self) {
            _ = try ThreadPool.reserving(threadCount: 3, stackBytes: 1 << 60)
        }
        #expect(error.map { "\($0)" }?.contains("lower --threads") == true)
        #expect(throws: ThreadShortage.self) { try StartedThread.start(stackBytes: 1 << 60) {} }
    }

    @Test("Ten thousand regions, each seeing what the one before wrote", arguments: [1, 2, 3])
    func manyRegions(threads: Int) {
        let pool = ThreadPool(threadCount: threads)
        defer { pool.shutDown() }
        // Not atomic: only the order of regions keeps these apart.
        let cells = FloatBuffer(count: 5)
        for region in 0..<10_000 {
            let count = region % 5 + 1
            pool.run(count) { task, _ in cells.base[count - 1 - task] += 1 }
            cells.base[0] += 1
        }
        #expect(cells.elements.map { $0 } == [20_000, 8_000, 6_000, 4_000, 2_000])
    }

    @Test("Regions of several callers come one after another")
    func severalCallers() {
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        // Not atomic: only the turns keep the callers apart.
        let cells = FloatBuffer(count: 3)
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for _ in 0..<500 { pool.run(3) { task, _ in cells.base[task] += 1 } }
        }
        #expect(cells.elements.allSatisfy { $0 == 2000 })
    }

    #if compiler(>=6.2)
        @Test("A region on a pool that has been shut down stops the program instead of waiting for ever")
        func afterShutDown() async {
            await #expect(processExitsWith: .failure) {
                let pool = ThreadPool(threadCount: 1)
                pool.shutDown()
                pool.run(1) { _, _ in }
            }
        }

        @Test("A region within a region stops the program instead of waiting for ever")
        func nested() async {
            await #expect(processExitsWith: .failure) {
                let pool = ThreadPool(threadCount: 2)
                pool.run(1) { _, _ in pool.run(1) { _, _ in } }
            }
        }
    #endif

    @Test("Results do not depend on the number of threads")
    func sameBits() {
        func result(threads: Int) -> [UInt32] {
            let pool = ThreadPool(threadCount: threads)
            defer { pool.shutDown() }
            var random = SplitMix64(seed: 3)
            let lanes = 4
            let inputs = (0..<lanes).map { _ in GuardedMatrix(37, 48, random: &random) }
            let outputs = (0..<lanes).map { _ in GuardedMatrix(48, 48) { _, _ in 0 } }
            pool.run(lanes) { lane, _ in
                for _ in 0..<3 {
                    Kernels.multiply(
                        transposed: inputs[lane].matrix, inputs[lane].matrix, into: outputs[lane].matrix,
                        accumulate: true)
                }
                // Denormal numbers too: only the pool's threads flush them.
                Kernels.scale(outputs[lane].matrix, by: 1e-38)
                Kernels.scale(outputs[lane].matrix, by: 1e-3)
            }
            return outputs.flatMap(\.bits)
        }
        let one = result(threads: 1)
        #expect(result(threads: 2) == one)
        #expect(result(threads: 3) == one)
        #expect(one.allSatisfy { Float(bitPattern: $0) == 0 })
    }

    /// OpenBLAS 0.3.21 of Debian is built for 64 threads; 300 at a time end the process if nothing keeps them apart. A build
    /// that threads underneath gives other bits: these products are large enough to be divided.
    @Test("Products of more threads than OpenBLAS knows are the same bits", arguments: [64, 130, 300])
    func manyThreads(threads: Int) {
        var random = SplitMix64(seed: 5)
        let left = GuardedMatrix(96, 128, random: &random)
        let right = GuardedMatrix(128, 160, random: &random)
        func products(threads: Int) -> [[UInt32]] {
            let pool = ThreadPool(threadCount: threads)
            defer { pool.shutDown() }
            // All threads arrive before the first product.
            let arrived = ManagedAtomic(0)
            let results = TaskResults<[UInt32]>(count: threads)
            pool.run(threads) { task, _ in
                arrived.wrappingIncrement(ordering: .relaxed)
                while arrived.load(ordering: .relaxed) < threads { sched_yield() }
                let result = GuardedMatrix(96, 160) { _, _ in 0 }
                // So many that threads are interrupted within products, and hundreds of them are under way.
                for _ in 0..<200 {
                    Kernels.multiply(left.matrix, right.matrix, into: result.matrix, accumulate: true)
                }
                results[task] = result.bits
            }
            return (0..<threads).map { results[$0] ?? [] }
        }
        let one = products(threads: 1)[0]
        let isSame = products(threads: threads).allSatisfy { $0 == one }
        #expect(isSame)
    }

    @Test("The peak is a rate of products") func peak() {
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        let peak = Kernels.measurePeak(pool, rounds: 1)
        #expect(peak > 1e8 && peak < 1e13)
    }
}
