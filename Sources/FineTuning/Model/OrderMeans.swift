/// What comes of outputs for texts that were read in several orders, each text's one after another.
///
/// Of classes probabilities are averaged and not logits, so that one order's large logits do not outweigh the other's.
/// Whichever order a file has, the mean is the same.
package enum OrderMeans {
    /// - Parameters:
    ///   - outputs: logits, `orders` of them for each text.
    /// - Returns: for each text the mean probability of every class.
    package static func probabilities(_ outputs: [[Float]], orders: Int) -> [[Double]] {
        stride(from: 0, to: outputs.count, by: orders).map { start in
            let shares = outputs[start..<start + orders].map(TaskLoss.probabilities)
            return (shares.first ?? []).indices.map { index in
                shares.reduce(0) { $0 + $1[index] } / Double(orders)
            }
        }
    }

    /// - Returns: for each text the mean of the first output.
    package static func numbers(_ outputs: [[Float]], orders: Int) -> [Double] {
        stride(from: 0, to: outputs.count, by: orders).map { start in
            outputs[start..<start + orders].reduce(0) { $0 + Double($1[0]) } / Double(orders)
        }
    }

    /// - Returns: for each text the likeliest class.
    package static func labels(_ outputs: [[Float]], orders: Int) -> [Int] {
        // Of one order the logits themselves are compared: they differ where probabilities no longer do.
        if orders == 1 { return outputs.map(\.indexOfLargest) }
        return probabilities(outputs, orders: orders).map { shares in
            shares.indices.max { shares[$0] < shares[$1] } ?? 0
        }
    }
}
