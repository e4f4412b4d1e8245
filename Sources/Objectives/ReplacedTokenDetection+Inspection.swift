import Encoder
import Kernels

/// What the networks compute on the way, for comparison with other implementations.
extension ReplacedTokenDetection {
    private var generator: ReplacedTokenModel.Auxiliary {
        guard let auxiliary = model.auxiliary else { preconditionFailure("the objective has no generator") }
        return auxiliary
    }

    /// Hidden states of one network after its last layer, `[n · hidden]`, row-major.
    package func hiddenStates(of network: NetworkKind, _ tokens: [Int32], _ pass: LanePass) -> [Float] {
        tokens.withUnsafeBufferPointer { tokens in
            let encoder = network == .generator ? generator.network : model.discriminator
            let hidden = encoder.forward(tokens, pass)
            return Array(UnsafeBufferPointer(start: hidden.base, count: hidden.rows * hidden.columns))
        }
    }

    /// The generator's logits, output bias included, `[rows · vocabulary]`.
    ///
    /// - Parameter rows: indices of the chosen tokens within the chunk.
    package func generatorLogits(_ tokens: [Int32], rows: [Int32], _ pass: LanePass) -> [Float] {
        logits(of: generator.head, over: generator.network, tokens, rows: rows, pass)
    }

    /// The same of a main encoder that predicts tokens.
    package func languageLogits(_ tokens: [Int32], rows: [Int32], _ pass: LanePass) -> [Float] {
        guard let head = model.languageHead else { preconditionFailure("the main encoder predicts no tokens") }
        return logits(of: head, over: model.discriminator, tokens, rows: rows, pass)
    }

    private func logits(
        of head: any LanguageModelHead, over network: EncoderNetwork, _ tokens: [Int32], rows: [Int32],
        _ pass: LanePass
    ) -> [Float] {
        tokens.withUnsafeBufferPointer { tokens in
            rows.withUnsafeBufferPointer { rows in
                let hidden = network.forward(tokens, pass)
                let logits = head.forward(hidden, rows: rows, pass)
                let bias = head.outputBias(pass)
                return (0..<logits.rows).flatMap { row in
                    (0..<logits.columns).map { logits.row(row)[$0] + bias[$0] }
                }
            }
        }
    }
}
