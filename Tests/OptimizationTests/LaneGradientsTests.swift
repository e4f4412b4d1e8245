import Atomics
import Encoder
import Foundation
import Kernels
import Optimization
import Parametrization
import TestSupport
import Testing

/// The buffers of lanes, on threads.
@Suite("Gradients of lanes")
struct LaneGradientsTests {
    /// Of two optimizers, and larger than a slice.
    static let layout: ParameterLayout = {
        var builder = ParameterBuilder(initialization: .init())
        _ = builder.matrix("first", output: 300, input: 480, role: .hidden)
        builder.beginSecondGroup()
        _ = builder.matrix("second", output: 37, input: 61, role: .hidden)
        return builder.finished()
    }()

    private static func fill(_ buffer: UnsafeMutablePointer<Float>, lane: Int, step: Int) {
        var random = SplitMix64(seed: UInt64(1000 * step + lane))
        for spec in layout.specs {
            for i in 0..<spec.count { buffer[spec.offset + i] += Float(random.normal()) }
        }
    }

    /// The sum in halves, the left of which is the largest power of two that leaves something.
    private static func expected(_ lanes: Range<Int>, step: Int) -> [Float] {
        guard lanes.count > 1 else {
            let buffer = FloatBuffer(count: layout.bufferCount)
            fill(buffer.base, lane: lanes.lowerBound, step: step)
            return Array(buffer.elements)
        }
        var left = 1
        while 2 * left < lanes.count { left *= 2 }
        let middle = lanes.lowerBound + left
        return zip(expected(lanes.lowerBound..<middle, step: step), expected(middle..<lanes.upperBound, step: step))
            .map(+)
    }

    /// Compared here, so that a failure does not print every number.
    private func hasBits(_ buffer: FloatBuffer, _ expected: [Float]) -> Bool {
        buffer.elements.map(\.bitPattern) == expected.map(\.bitPattern)
    }

    private func withPool<Result>(_ threads: Int, _ body: (ThreadPool) throws -> Result) rethrows -> Result {
        let pool = ThreadPool(threadCount: threads)
        defer { pool.shutDown() }
        return try body(pool)
    }

    @Test("The same bits on 1, 2, 3 and 9 threads, whichever lane is done first", arguments: [1, 2, 3, 5, 8, 21])
    func threads(laneCount: Int) {
        let steps = 1...3
        let expected = steps.map { Self.expected(0..<laneCount, step: $0) }
        var norms: [[Double]] = []
        for threads in [1, 2, 3, 9] {
            withPool(threads) { pool in
                let gradients = LaneGradients(Self.layout, threadCount: threads)
                var found: [Double] = []
                for step in steps {
                    let carried = (0..<laneCount).map { _ in ManagedAtomic(0) }
                    let dirty = ManagedAtomic(0)
                    LaneGradients.run(gradients, laneCount: laneCount, pool: pool) { lane, _, buffer in
                        guard let buffer else { return }
                        carried[lane].wrappingIncrement(ordering: .relaxed)
                        let values = UnsafeBufferPointer(start: buffer, count: Self.layout.bufferCount)
                        if values.contains(where: { $0 != 0 }) { dirty.wrappingIncrement(ordering: .relaxed) }
                        var random = SplitMix64(seed: UInt64(100 * threads + 10 * step + lane))
                        usleep(UInt32(random.next() % 3000))
                        Self.fill(buffer, lane: lane, step: step)
                    }
                    #expect(carried.allSatisfy { $0.load(ordering: .relaxed) == 1 })
                    #expect(dirty.load(ordering: .relaxed) == 0)
                    found += gradients.merge(pool: pool)
                    #expect(hasBits(gradients.sum, expected[step - 1]))
                    // As an optimizer leaves it.
                    gradients.sum.zero()
                }
                #expect(
                    gradients.bufferCount <= LaneGradients.bufferLimit(laneCount: laneCount, threadCount: threads))
                norms.append(found)
            }
        }
        #expect(norms.allSatisfy { $0 == norms[0] && $0.count == 6 })
        // Beyond three lanes the tree is another sum than one after the other.
        if laneCount == 21 {
            let buffer = FloatBuffer(count: Self.layout.bufferCount)
            for lane in 0..<laneCount {
                let values = Self.expected(lane..<lane + 1, step: 1)
                for i in 0..<buffer.count { buffer.base[i] += values[i] }
            }
            #expect(!hasBits(buffer, expected[0]))
        }
    }

    @Test("Blocks of lanes here and there come to the same", arguments: [(8, 2), (8, 3), (21, 4)])
    func blocks(laneCount: Int, shares: Int) {
        withPool(2) { pool in
            let all = (0..<shares).map { _ in LaneGradients(Self.layout, threadCount: 2) }
            for step in 1...2 {
                var values: [FloatBuffer] = []
                var nodes: [LaneTree.Node] = []
                for (share, gradients) in all.enumerated() {
                    let lanes = share * laneCount / shares..<(share + 1) * laneCount / shares
                    LaneGradients.run(gradients, laneCount: laneCount, lanes: lanes, pool: pool) { lane, _, buffer in
                        guard let buffer else { return }
                        Self.fill(buffer, lane: lane, step: step)
                    }
                    let open = gradients.settle()
                    #expect(open.buffers.count == open.nodes.count)
                    values += open.buffers
                    nodes += open.nodes
                }
                for (into, from) in LaneTree(laneCount: laneCount).order(nodes).steps {
                    Kernels.moveGradients(values[from].base, into: values[into].base, count: values[into].count)
                }
                #expect(hasBits(values[0], Self.expected(0..<laneCount, step: step)))
                values[0].zero()
            }
        }
    }

    @Test("Lanes side by side come to the same", arguments: [1, 4, 7])
    func sideBySide(laneCount: Int) {
        withPool(2) { pool in
            let gradients = LaneGradients(Self.layout, threadCount: 2)
            for step in 1...2 {
                let buffers = gradients.all(laneCount: laneCount)
                #expect(Set(buffers).count == laneCount)
                for (lane, buffer) in buffers.enumerated() { Self.fill(buffer, lane: lane, step: step) }
                _ = gradients.merge(pool: pool)
                let expected = Self.expected(0..<laneCount, step: step)
                #expect(hasBits(gradients.sum, expected))
                gradients.sum.zero()
                #expect(gradients.bufferCount == laneCount)
            }
        }
    }

    @Test("What was broken off leaves nothing behind, more or fewer lanes follow")
    func clear() {
        withPool(3) { pool in
            let gradients = LaneGradients(Self.layout, threadCount: 3)
            for (step, laneCount) in [9, 2, 16].enumerated() {
                LaneGradients.run(gradients, laneCount: laneCount, pool: pool) { _, _, buffer in buffer?[5] = 1 }
                gradients.clear()
                LaneGradients.run(gradients, laneCount: laneCount, pool: pool) { lane, _, buffer in
                    if let buffer { Self.fill(buffer, lane: lane, step: step) }
                }
                _ = gradients.merge(pool: pool)
                let expected = Self.expected(0..<laneCount, step: step)
                #expect(hasBits(gradients.sum, expected))
                gradients.sum.zero()
            }
        }
    }

    @Test("Without gradients all lanes are carried all the same")
    func evaluation() {
        withPool(2) { pool in
            let carried = ManagedAtomic(0)
            LaneGradients.run(nil, laneCount: 7, pool: pool) { lane, _, buffer in
                if buffer == nil { carried.wrappingIncrement(by: 1 << (4 * lane), ordering: .relaxed) }
            }
            #expect(carried.load(ordering: .relaxed) == 0x1111111)
        }
    }
}
