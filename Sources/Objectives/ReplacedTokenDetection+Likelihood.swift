import Encoder
import Kernels

extension ReplacedTokenDetection {
    /// Whether a network predicts masked tokens: a generator, or the main encoder as a masked language model.
    public var predictsMaskedTokens: Bool {
        model.auxiliary != nil || configuration.name == .maskedLanguageModel && model.languageHead != nil
    }

    /// Logits at masked places, output bias included, `[rows · vocabulary]`, by the generator or the masked language model.
    package func maskedLogits(_ inputs: [Int32], rows: [Int32], _ pass: LanePass) -> [Float] {
        model.auxiliary == nil
            ? languageLogits(inputs, rows: rows, pass) : generatorLogits(inputs, rows: rows, pass)
    }

    /// Log-probabilities of tokens at masked places, by the generator or the masked language model.
    ///
    /// - Parameters:
    ///   - inputs: the chunk's tokens with masks, `[n]`.
    ///   - rows: of the places within the chunk, ascending; at most one for a sequence.
    ///   - targets: what is asked for at each.
    package func maskedLogProbabilities(
        _ inputs: [Int32], rows: [Int32], targets: [Int32], _ pass: LanePass
    ) -> [Double] {
        inputs.withUnsafeBufferPointer { inputs in
            let hidden: Matrix
            let head: any LanguageModelHead
            if let auxiliary = model.auxiliary {
                (hidden, head) = (auxiliary.network.forward(inputs, pass), auxiliary.head)
            } else {
                guard let own = model.languageHead else { preconditionFailure("a model that predicts no tokens") }
                (hidden, head) = (model.discriminator.forward(inputs, pass), own)
            }
            var results: [Double] = []
            for start in stride(from: 0, to: rows.count, by: ReplacedTokenModel.languageRows) {
                let block = Array(rows[start..<min(start + ReplacedTokenModel.languageRows, rows.count)])
                block.withUnsafeBufferPointer { places in
                    let logits = head.forward(hidden, rows: places, pass)
                    for index in block.indices {
                        results.append(
                            -Kernels.softmaxCrossEntropy(
                                logits.row(index), bias: head.outputBias(pass), classCount: model.vocabularySize,
                                target: targets[start + index], uniform: 0, gradient: nil
                            ).loss)
                    }
                }
            }
            return results
        }
    }
}
