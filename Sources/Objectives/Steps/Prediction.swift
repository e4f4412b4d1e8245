import Encoder
import Foundation
import Kernels

extension ReplacedTokenDetection {
    /// The main encoder predicts original tokens: −log p, and its gradient by the hidden states.
    ///
    /// - Parameters:
    ///   - rows: of the tokens that are predicted.
    ///   - total: how many are in the whole batch.
    ///   - weights: of all tokens' losses, if they do not weigh alike.
    ///   - gates: detection logits of all tokens, if predictions stand behind a copy gate, with the text that may be copied.
    /// - Returns: with gates, the loss's weighted gradient by each of them.
    @discardableResult
    func predict(
        _ states: MainStates, rows: [Int32], of total: Int, weights: [Double]? = nil,
        gates: (logits: [Float], inputs: [Int32])? = nil, _ chunk: inout ObjectiveChunk
    ) -> [Float] {
        guard let head = model.languageHead else { preconditionFailure("an objective without a language model head") }
        let pass = chunk.pass
        let share = configuration.correction / Double(max(total, 1))
        var gateGradients = [Float](repeating: 0, count: gates == nil ? 0 : chunk.original.count)
        for start in stride(from: 0, to: rows.count, by: ReplacedTokenModel.languageRows) {
            let block = Array(rows[start..<min(start + ReplacedTokenModel.languageRows, rows.count)])
            block.withUnsafeBufferPointer { places in
                let logits = Profile.phase("language head, forward") {
                    head.forward(states.hidden, rows: places, pass)
                }
                for (index, row) in block.enumerated() {
                    let row = Int(row)
                    let target = chunk.original[row]
                    let own = weights?[row] ?? 1
                    let weight = Float(share * own)
                    let gradient =
                        chunk.learns
                        ? Kernels.ClassificationGradient(scale: weight, bias: head.outputBiasGradient(pass)) : nil
                    let best: Int32
                    if let gates {
                        let outcome = Kernels.copyGatedCrossEntropy(
                            logits.row(index), bias: head.outputBias(pass), classCount: model.vocabularySize,
                            target: target, input: gates.inputs[row], gate: gates.logits[row], gradient: gradient)
                        chunk.sums.correctiveLoss += outcome.loss
                        gateGradients[row] = Float(Double(weight) * outcome.gateGradient)
                        best = outcome.best
                    } else {
                        let outcome = Kernels.softmaxCrossEntropy(
                            logits.row(index), bias: head.outputBias(pass), classCount: model.vocabularySize,
                            target: target, uniform: 0, gradient: gradient)
                        chunk.sums.correctiveLoss += own * outcome.loss
                        best = outcome.best
                        if !chunk.learns {
                            chunk.predictions.append(
                                Prediction(row: row, best: best, probability: exp(-outcome.loss)))
                        }
                    }
                    chunk.sums.correctiveCorrect += best == target ? 1 : 0
                }
                if chunk.learns {
                    Profile.phase("language head, backward") {
                        head.addGradient(logits, rows: places, to: states.gradient, pass)
                    }
                }
            }
        }
        chunk.sums.correctiveCount += rows.count
        return gateGradients
    }
}
