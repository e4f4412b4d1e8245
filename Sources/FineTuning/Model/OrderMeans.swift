/// What comes of the outputs for one text that was read in several orders.
///
/// Of classes probabilities are averaged and not logits, so that one order's large logits do not outweigh the other's.
/// Whichever order a file has, the mean is the same.
package enum OrderMeans {
    /// - Parameter outputs: logits of each order.
    /// - Returns: the mean probability of every class.
    package static func probabilities(_ outputs: [[Float]]) -> [Double] {
        let shares = outputs.map(TaskLoss.probabilities)
        return (shares.first ?? []).indices.map { index in
            shares.reduce(0) { $0 + $1[index] } / Double(outputs.count)
        }
    }

    /// - Returns: the mean of the first output.
    package static func number(_ outputs: [[Float]]) -> Double {
        outputs.reduce(0) { $0 + Double($1[0]) } / Double(outputs.count)
    }

    /// - Returns: of two classes, how much likelier the second is: something that grows with its probability.
    package static func preference(_ outputs: [[Float]]) -> Double {
        // Logits differ where probabilities no longer do.
        outputs.count == 1
            ? Double(outputs[0][1]) - Double(outputs[0][0]) : probabilities(outputs)[1] - probabilities(outputs)[0]
    }

    /// - Returns: the likeliest class.
    package static func label(_ outputs: [[Float]]) -> Int {
        // Of one order the logits themselves are compared: they differ where probabilities no longer do.
        if outputs.count == 1 { return outputs[0].indexOfLargest }
        let shares = probabilities(outputs)
        return shares.indices.max { shares[$0] < shares[$1] } ?? 0
    }
}
