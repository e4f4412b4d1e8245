import Kernels

/// Shown a module's name within its network and its output `[n, …]`, which is valid during the call.
package typealias ModuleObserver = (_ module: String, _ output: Matrix) -> Void

extension EncoderNetwork {
    /// The forward pass, showing what every module puts out: embeddings, and for each layer attention scores, both
    /// branches before the residual sum, and the layer's own output.
    ///
    /// - Returns: hidden states `[n, hidden]`.
    package func forward(
        _ tokens: UnsafeBufferPointer<Int32>, _ pass: LanePass, observing observer: ModuleObserver
    ) -> Matrix {
        withoutActuallyEscaping(observer) { forward(tokens, pass, observer: $0) }
    }
}

extension EncoderLayer {
    /// Tokens whose attention scores are shown.
    private static let scoreTokens = 24

    func forward(_ x: Matrix, _ pass: LanePass, name: String, observer: ModuleObserver) -> Matrix {
        attention.prepare(x, pass)
        mixing.mix(attention.branchInput(x, pass), pass)
        let attended = attention.forward(x, pass)
        observer("\(name).attention", attention.branchOutput(pass))
        var scores = mixing.scores(pass, limit: Self.scoreTokens)
        scores.withUnsafeMutableBufferPointer { scores in
            guard let base = scores.baseAddress else { return }
            observer("\(name).attention.scores", Matrix(base, rows: 1, columns: scores.count))
        }
        feedForward.prepare(attended, pass)
        let result = feedForward.forward(attended, pass)
        observer("\(name).feed_forward", feedForward.branchOutput(pass))
        observer(name, result)
        return result
    }
}
