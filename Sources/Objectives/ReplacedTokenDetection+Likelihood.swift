import Encoder
import Kernels

extension ReplacedTokenDetection {
    /// Whether a network predicts masked tokens: a generator, or the main encoder as a masked language model.
    public var predictsMaskedTokens: Bool {
        model.auxiliary != nil || configuration.name == .maskedLanguageModel && model.languageHead != nil
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
        maskedRows(inputs, rows: rows, pass) { place, logits, bias in
            -Kernels.softmaxCrossEntropy(
                logits, bias: bias, classCount: model.vocabularySize, target: targets[place], uniform: 0, gradient: nil
            ).loss
        }
    }

    /// What `body` makes of the logits at each masked place, by the generator or the masked language model.
    ///
    /// - Parameters:
    ///   - inputs, rows: as above.
    ///   - body: gets the index of the place, its logits `[vocabulary]`, which it may overwrite, and the output bias.
    package func maskedRows<Result>(
        _ inputs: [Int32], rows: [Int32], _ pass: LanePass,
        _ body: (_ place: Int, _ logits: UnsafeMutablePointer<Float>, _ bias: UnsafePointer<Float>) -> Result
    ) -> [Result] {
        inputs.withUnsafeBufferPointer { inputs in
            let hidden: Matrix
            let head: any LanguageModelHead
            if let auxiliary = model.auxiliary {
                (hidden, head) = (auxiliary.network.forward(inputs, pass), auxiliary.head)
            } else {
                guard let own = model.languageHead else { preconditionFailure("a model that predicts no tokens") }
                (hidden, head) = (model.discriminator.forward(inputs, pass), own)
            }
            let bias = head.outputBias(pass)
            var results: [Result] = []
            for start in stride(from: 0, to: rows.count, by: ReplacedTokenModel.languageRows) {
                let block = Array(rows[start..<min(start + ReplacedTokenModel.languageRows, rows.count)])
                block.withUnsafeBufferPointer { places in
                    let logits = head.forward(hidden, rows: places, pass)
                    for index in block.indices { results.append(body(start + index, logits.row(index), bias)) }
                }
            }
            return results
        }
    }
}
