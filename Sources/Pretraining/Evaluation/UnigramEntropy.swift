import Corpus
import Foundation

/// Entropy of tokens under their own unigram distribution, in nats: the loss of a generator that knows the frequencies
/// of tokens and nothing of their context.
public enum UnigramEntropy {
    /// - Parameter excluded: ids of special tokens, which are never predicted.
    public static func nats(_ batches: [TokenBatch], vocabularySize: Int, excluded: [Int32]) -> Double {
        var counts = [Int](repeating: 0, count: vocabularySize)
        var total = 0
        for batch in batches {
            for token in batch.tokens where !excluded.contains(token) {
                counts[Int(token)] += 1
                total += 1
            }
        }
        return counts.reduce(0) { sum, count in
            guard count > 0 else { return sum }
            let share = Double(count) / Double(total)
            return sum - share * log(share)
        }
    }
}
