import Encoder
import Kernels

extension ReplacedTokenDetection {
    /// Both networks' forward passes on one chunk, showing what every module puts out, logits of the heads included.
    ///
    /// - Parameters:
    ///   - inputs: what the generator reads, `[n]`.
    ///   - rows: indices of the tokens within the chunk that it predicts.
    ///   - corrupted: what the discriminator reads, `[n]`.
    ///   - observe: called with the module's full name and its output, which is valid during the call.
    package func observe(
        inputs: [Int32], rows: [Int32], corrupted: [Int32], _ pass: LanePass,
        _ observe: (_ module: String, _ output: Matrix) -> Void
    ) {
        inputs.withUnsafeBufferPointer { inputs in
            rows.withUnsafeBufferPointer { rows in
                guard let generator = model.auxiliary else { return }
                let hidden = generator.network.forward(inputs, pass) { observe("generator.\($0)", $1) }
                observe("generator.logits", generator.head.forward(hidden, rows: rows, pass))
            }
        }
        corrupted.withUnsafeBufferPointer { corrupted in
            let hidden = model.discriminator.forward(corrupted, pass) { observe("discriminator.\($0)", $1) }
            if let logits = model.detectionHead?.forward(hidden, pass) {
                observe("discriminator.logits", Matrix(logits, rows: corrupted.count, columns: 1))
            }
            guard let head = model.languageHead else { return }
            rows.prefix(ReplacedTokenModel.languageRows).withUnsafeBufferPointer { rows in
                observe("discriminator.token_logits", head.forward(hidden, rows: rows, pass))
            }
        }
    }
}
