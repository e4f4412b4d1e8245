extension ReplacedTokenDetection {
    /// Replace MLM (Clark et al. 2020, arXiv 2003.10555, section 3.4): as masked language modeling, but the encoder sees a
    /// generator's samples instead of [MASK], so that it meets no token in training that it never meets afterwards.
    func replaceMLM(_ chunk: inout ObjectiveChunk) -> Outcome {
        let corrupted = corrupt(&chunk)
        let states = encode(corrupted, chunk)
        predict(states, rows: chunk.rows, of: chunk.maskedCount, &chunk)
        learn(states, corrupted, chunk)
        return Outcome(sums: chunk.sums, corrupted: corrupted, logits: [], predictions: chunk.predictions)
    }
}
