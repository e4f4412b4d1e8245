import Corpus
import Kernels

extension TokenBatch {
    /// Random sequences of one to four documents of 3 to 8 tokens, the first 2 and the last 3.
    ///
    /// - Parameter vocabularySize: tokens within documents are 5 ..< vocabularySize.
    public static func ragged(sequences: Int, seed: UInt64, vocabularySize: Int) -> TokenBatch {
        let random = Philox(seed: seed, purpose: .masking)
        var batch = TokenBatch()
        var draw = 0
        func uniform(_ bound: Int) -> Int {
            draw += 1
            return Int(random.uniform(step: 7, position: draw) * Double(bound))
        }
        for _ in 0..<sequences {
            for _ in 0...uniform(3) {
                let content = (0..<(1 + uniform(6))).map { _ in Int32(5 + uniform(vocabularySize - 5)) }
                batch.tokens += [2] + content + [3]
                batch.segmentOffsets.append(batch.tokens.count)
            }
            batch.sequenceOffsets.append(batch.tokens.count)
        }
        return batch
    }
}
