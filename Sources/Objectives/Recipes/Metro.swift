import Foundation

extension ReplacedTokenDetection {
    /// METRO-LM (Bajaj et al. 2022, arXiv 2204.06644, section 2): ELECTRA's losses, and simplified corrective language
    /// modeling, which predicts the original at masked positions from the corrupted text:
    ///
    ///     loss = ELECTRA's + correctiveWeight · mean over masked tokens of −log softmax(E·h + b)[original]
    ///
    /// With `weighs_by_detection` each term of that mean is multiplied with σ(D), a constant to the gradient: the sum is
    /// still divided by the number of masked tokens (`t5_metro.py` in github.com/gonglinyuan/metro_t0). Evaluations leave
    /// the factor out, so that they compare.
    func metro(_ chunk: inout ObjectiveChunk) -> Outcome {
        let corrupted = corrupt(&chunk)
        let states = encode(corrupted, chunk)
        let logits = detect(states, corrupted, &chunk)
        let weights = configuration.weighsByDetection && chunk.learns ? logits.map(Self.belief) : nil
        predict(states, rows: chunk.rows, of: chunk.maskedCount, weights: weights, &chunk)
        contrast(states, &chunk)
        learn(states, corrupted, chunk)
        return Outcome(sums: chunk.sums, corrupted: corrupted, logits: logits)
    }

    /// The probability of a replacement.
    private static func belief(_ logit: Float) -> Double { 1 / (1 + exp(-Double(logit))) }
}
