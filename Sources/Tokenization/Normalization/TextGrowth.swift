/// How many times as long replacements one after another may make a text: a few lines of a file could fill the memory.
struct TextGrowth {
    private static let most = 4096
    private var factor = 1

    /// - Parameters:
    ///   - content: length of what a replacement puts in.
    ///   - match: of the shortest that it takes out.
    mutating func multiply(_ content: Int, by match: Int, in component: String) throws(TokenizerError) {
        let (product, overflow) = factor.multipliedReportingOverflow(
            by: max(1, (content + max(match, 1) - 1) / max(match, 1)))
        guard !overflow, product <= Self.most else {
            throw .unsupported(component: component, problem: "replacements that make texts thousands of times as long")
        }
        factor = product
    }
}
