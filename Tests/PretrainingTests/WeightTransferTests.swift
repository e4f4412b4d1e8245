import Encoder
import Pretraining
import Testing

@Suite struct WeightTransferTests {
    private func spec(_ name: String, _ shape: [Int]) -> ParameterSpec {
        var builder = ParameterBuilder(initialization: InitializationConfiguration())
        _ = builder.table(name, count: shape[0], width: shape[1])
        return builder.finished().specs[0]
    }

    @Test("A length that no sequence has is found before it is used")
    func lengths() {
        for (length, isSound) in [(nil, true), (128, true), (0, false), (-3, false), (Int.max, false)] {
            var state = RunState()
            state.inheritedLength = length
            #expect((state.problem(ofStep: 0) == nil) == isSound, "\(length ?? -1)")
        }
    }

    @Test("Positions that texts have trained are repeated where longer sequences need more, and no others")
    func positions() {
        let name = "embeddings.position"
        let tensors = [name: [8, 4], "embeddings.word": [8, 4]]
        #expect(WeightTransfer.origin(of: spec(name, [16, 4]), among: tensors) == .repeated(name, rows: 8))
        #expect(WeightTransfer.origin(of: spec(name, [8, 4]), among: tensors) == .same(name))
        #expect(
            WeightTransfer.origin(of: spec(name, [16, 4]), among: tensors, positions: (3, 2))
                == .repeated(name, rows: 3))
        #expect(
            WeightTransfer.origin(of: spec(name, [8, 4]), among: tensors, positions: (3, 8)) == .repeated(name, rows: 3)
        )
        #expect(WeightTransfer.origin(of: spec(name, [8, 4]), among: tensors, positions: (3, 3)) == .same(name))
        #expect(WeightTransfer.origin(of: spec(name, [8, 4]), among: tensors, positions: (8, 8)) == .same(name))
        #expect(WeightTransfer.origin(of: spec(name, [4, 4]), among: tensors, positions: (3, 8)) == nil)
        let word = "embeddings.word"
        #expect(WeightTransfer.origin(of: spec(word, [8, 4]), among: tensors, positions: (3, 8)) == .same(word))
        #expect(WeightTransfer.origin(of: spec(word, [16, 4]), among: tensors) == nil)
    }
}
