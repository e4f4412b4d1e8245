import Kernels

extension FineTunedModel {
    /// Whether it gives texts vectors, as `kind: contrastive` trains them.
    public var givesVectors: Bool { type(of: definition).givesVectors }

    /// Numbers of a vector.
    public var vectorSize: Int { engine.model.outputCount }

    /// Vectors of texts, of length 1: their scalar product tells how alike they are.
    ///
    /// - Parameters:
    ///   - texts: UTF-8; what is none is read as U+FFFD.
    ///   - progress: told the share that is done.
    /// - Returns: vectors in the order of the texts, how many tokens they have together, how many of these the vocabulary has
    ///   nothing for, and how many texts were cut.
    /// - Throws: `TaskError` for a model of another kind, `CancellationError`.
    public func vectors(
        _ texts: [[UInt8]], progress: (Double) -> Void = { _ in }
    ) throws -> (vectors: [[Float]], tokens: Int, unknown: Int, truncated: Int) {
        try checkGivesVectors()
        var encoder = try TaskEncoder(tokenizer, longestText: longestText)
        let items = texts.enumerated().map { index, text in
            let row = TaskRow(text: String(decoding: text, as: UTF8.self), line: index + 1)
            return TaskItem(row: row, examples: [encoder.encode(row, target: nil)], truth: [])
        }
        let outputs = try engine.outputs(items) { progress(Double($0) / Double(max(texts.count, 1))) }
        let units = UnitVectors(outputs.map { $0[0] }, width: vectorSize)
        return (
            (0..<units.count).map { units[$0] }, items.reduce(0) { $0 + $1.examples[0].tokenCount },
            tokenizer.unknownTokens(in: items), encoder.truncated
        )
    }

    /// - Throws: `TaskError` for a model that labels texts.
    public func checkGivesVectors() throws {
        guard givesVectors else {
            throw TaskError.file(
                path: path,
                "is a model of kind: \(configuration.task.kind.rawValue), which labels texts (pretrain predict); vectors come from "
                    + "a pretrained model, or from one of kind: contrastive")
        }
    }
}
