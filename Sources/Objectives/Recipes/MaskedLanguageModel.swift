extension ReplacedTokenDetection {
    /// Masked language modeling (Devlin et al. 2018, arXiv 1810.04805, section 3.1), on the main encoder alone:
    ///
    ///     loss = correctiveWeight · mean over masked tokens of −log p(original)
    func maskedLanguageModel(_ chunk: inout ObjectiveChunk) -> Outcome {
        let states = encode(chunk.masked, chunk)
        predict(states, rows: chunk.rows, of: chunk.maskedCount, &chunk)
        learn(states, chunk.masked, chunk)
        return Outcome(sums: chunk.sums, corrupted: chunk.masked, logits: [], predictions: chunk.predictions)
    }
}
