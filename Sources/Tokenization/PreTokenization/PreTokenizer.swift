/// How a text is cut into the words that the model merges.
enum PreTokenizer: Sendable {
    /// GPT-2's pattern, scanned by hand.
    case gpt2
    /// The pattern of Llama 3 and Qwen 2, scanned by hand.
    case llama3(maximumDigits: Int)
    /// Anything else, step by step.
    case steps(PreTokenizerSteps)
}
