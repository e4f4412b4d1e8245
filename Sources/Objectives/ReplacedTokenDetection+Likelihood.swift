import Encoder
import Kernels

extension ReplacedTokenDetection {
    /// Whether a network predicts masked tokens: a generator, or the main encoder as a masked language model.
    public var predictsMaskedTokens: Bool {
        model.auxiliary != nil || configuration.name == .maskedLanguageModel && model.languageHead != nil
    }

    /// Whether the main encoder predicts what stood where tokens were replaced.
    public var correctsTokens: Bool { model.languageHead != nil && configuration.name != .maskedLanguageModel }

    /// Log-probabilities that the main encoder gives a chunk's tokens, as they stand, of being the original ones, `[n]`. It has never
    /// seen masks.
    package func correctionLogProbabilities(_ tokens: [Int32], _ pass: LanePass) -> [Double] {
        guard let head = model.languageHead else { preconditionFailure("a model that corrects no tokens") }
        return tokens.withUnsafeBufferPointer { inputs in
            let hidden = model.discriminator.forward(inputs, pass)
            let gates = configuration.name.isGated ? model.detectionHead?.forward(hidden, pass) : nil
            let rows = tokens.indices.map { Int32($0) }
            return languageRows(head, hidden, rows, pass) { row, logits, bias in
                guard let gates else { return logProbability(of: tokens[row], logits, bias) }
                return -Kernels.copyGatedCrossEntropy(
                    logits, bias: bias, classCount: model.vocabularySize, target: tokens[row], input: tokens[row],
                    gate: gates[row], gradient: nil
                ).loss
            }
        }
    }

    /// Log-probabilities of tokens at masked places, by the generator or the masked language model.
    ///
    /// - Parameters:
    ///   - inputs: the chunk's tokens with masks, `[n]`.
    ///   - rows: of the places within the chunk, ascending.
    ///   - targets: what is asked for at each.
    package func maskedLogProbabilities(
        _ inputs: [Int32], rows: [Int32], targets: [Int32], _ pass: LanePass
    ) -> [Double] {
        maskedRows(inputs, rows: rows, pass) { logProbability(of: targets[$0], $1, $2) }
    }

    /// - Parameter logits: of all tokens, without their bias; overwritten.
    private func logProbability(
        of token: Int32, _ logits: UnsafeMutablePointer<Float>, _ bias: UnsafePointer<Float>
    ) -> Double {
        -Kernels.softmaxCrossEntropy(
            logits, bias: bias, classCount: model.vocabularySize, target: token, uniform: 0, gradient: nil
        ).loss
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
            return languageRows(head, hidden, rows, pass, body)
        }
    }

    /// What `body` makes of a head's logits at rows of hidden states, block by block.
    private func languageRows<Result>(
        _ head: any LanguageModelHead, _ hidden: Matrix, _ rows: [Int32], _ pass: LanePass,
        _ body: (_ place: Int, _ logits: UnsafeMutablePointer<Float>, _ bias: UnsafePointer<Float>) -> Result
    ) -> [Result] {
        let bias = head.outputBias(pass)
        var results: [Result] = []
        // A generator's head has room for as many tokens as training masks, and more may be asked for.
        let most = min(ReplacedTokenModel.languageRows, head.capacity)
        for start in stride(from: 0, to: rows.count, by: most) {
            let block = Array(rows[start..<min(start + most, rows.count)])
            block.withUnsafeBufferPointer { places in
                let logits = head.forward(hidden, rows: places, pass)
                for index in block.indices { results.append(body(start + index, logits.row(index), bias)) }
            }
        }
        return results
    }
}
