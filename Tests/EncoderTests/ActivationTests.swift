import Encoder
import Kernels
import Testing

@Suite("Chunks and activations")
struct ActivationTests {
    @Test("A chunk's segments and positions")
    func geometry() {
        let offsets = [0, 3, 4, 10, 12]
        let whole = ChunkGeometry(firstRow: 0, tokenCount: 12, segmentOffsets: offsets)
        #expect(whole.segments == offsets)
        #expect(whole.positions == [0, 1, 2, 0, 0, 1, 2, 3, 4, 5, 0, 1])
        #expect(whole.longestSegment == 6)
        let part = ChunkGeometry(firstRow: 4, tokenCount: 6, segmentOffsets: offsets)
        #expect(part.firstRow == 4 && part.tokenCount == 6)
        #expect(part.segments == [0, 6])
        #expect(part.positions == [0, 1, 2, 3, 4, 5])
        let single = ChunkGeometry(firstRow: 3, tokenCount: 1, segmentOffsets: offsets)
        #expect(single.segments == [0, 1] && single.longestSegment == 1)
    }

    private func pass(_ arena: FloatBuffer) -> LanePass {
        LanePass(
            weights: arena.base, gradients: nil, arena: arena.base, dropout: nil,
            chunk: ChunkGeometry(firstRow: 0, tokenCount: 1, segmentOffsets: [0, 1]))
    }

    @Test("Live slots are aligned and do not overlap; rewound memory is used again")
    func plan() {
        var plan = ActivationPlan()
        let sizes = [1, 15, 16, 17, 100, 0, 3]
        let first = sizes.map { plan.reserve($0) }
        let mark = plan.mark
        let second = sizes.map { plan.reserve($0) }
        let afterSecond = plan.count
        plan.rewind(to: mark)
        let third = plan.reserve(40)
        #expect(plan.count == afterSecond, "rewinding does not forget what was needed")
        let large = plan.reserve(1000)
        #expect(plan.count > afterSecond)

        let arena = FloatBuffer(count: plan.count)
        let pass = pass(arena)
        func range(_ slot: ActivationSlot, _ count: Int) -> Range<Int> {
            let start = slot.vector(pass) - arena.base
            return start..<start + count
        }
        for slots in [
            zip(first + second, sizes + sizes).map(range), zip(first + [third, large], sizes + [40, 1000]).map(range),
        ] {
            for (index, slot) in slots.enumerated() {
                #expect(slot.lowerBound % 16 == 0 && slot.upperBound <= plan.count)
                for other in slots[..<index] { #expect(!slot.overlaps(other)) }
            }
        }
        #expect(range(third, 1).lowerBound == range(second[0], 1).lowerBound)
        let matrix = first[4].matrix(pass, rows: 10, columns: 10)
        #expect(matrix.base == first[4].vector(pass) && matrix.rows == 10 && matrix.columns == 10)
    }

    @Test("Dropout streams of all places in a large model differ")
    func dropoutSites() {
        var streams: Set<UInt32> = []
        let heads = 64
        for network in 0..<2 {
            for layer in [-1, 0, 1, 2, 63, 1023] {
                for site in [
                    DropoutSite.Site.attentionProbabilities, .attentionOutput, .feedForwardOutput, .embeddings,
                ] {
                    let first = DropoutSite(network: network, layer: layer, site: site, probability: 0.1).stream
                    for head in 0..<(site == .attentionProbabilities ? heads : 1) {
                        #expect(streams.insert(first + UInt32(head)).inserted)
                    }
                }
            }
        }
        #expect(streams.count == 2 * 6 * (heads + 3))
    }
}
