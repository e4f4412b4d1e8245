import Foundation

/// What the numbers of a text are held against.
public enum TaskTarget: Sendable, Equatable {
    /// One of the outputs: cross-entropy of the softmax.
    case label(Int)
    /// A number: squared error of the first output.
    case number(Double)
    /// Whether it has each of several labels: binary cross-entropy of the outputs as logits, the mean over labels.
    case labels([Bool])
    /// Of every place one class: cross-entropy of its softmax, the mean over places.
    case words([Int])
    /// The first and the last of several places: of the two outputs of a place the first is softmaxed over places for the one,
    /// the second for the other; the mean of both cross-entropies.
    case span(Int, Int)
}

/// Losses of texts and their gradients, in double precision: there are few of them.
package enum TaskLoss {
    /// 0 where there are none.
    static func mean(_ losses: [Double]) -> Double { losses.reduce(0, +) / Double(max(losses.count, 1)) }

    /// The gradient of `½ (KL(p‖q) + KL(q‖p))` between the classes' probabilities in two views of a text.
    ///
    /// - Parameters:
    ///   - first, second: logits.
    ///   - weight: of the text, in the sum of losses that the gradient is of.
    package static func disagreement(
        _ first: [Float], _ second: [Float], weight: Double
    ) -> (first: [Float], second: [Float]) {
        let (p, q) = (probabilities(first), probabilities(second))
        func gradient(_ p: [Double], _ q: [Double]) -> [Float] {
            let logarithms = zip(p, q).map { log(max($0, .leastNormalMagnitude)) - log(max($1, .leastNormalMagnitude)) }
            let divergence = zip(p, logarithms).reduce(0) { $0 + $1.0 * $1.1 }
            return p.indices.map {
                Float(weight / 2 * (p[$0] * (logarithms[$0] - divergence) + p[$0] - q[$0]))
            }
        }
        return (gradient(p, q), gradient(q, p))
    }

    /// - Parameters:
    ///   - outputs: of one text.
    ///   - weight: of the text, in the sum of losses that the gradient is of.
    ///   - gradient: overwritten, unless nil.
    /// - Returns: the loss, not weighted.
    package static func loss(
        _ outputs: UnsafeMutablePointer<Float>, count: Int, _ target: TaskTarget, weight: Double,
        gradient: UnsafeMutablePointer<Float>?
    ) -> Double {
        switch target {
        case .number(let number):
            let difference = Double(outputs[0]) - number
            gradient?[0] = Float(2 * weight * difference)
            return difference * difference
        case .labels(let truth):
            var sum = 0.0
            for index in 0..<count {
                let (output, answer) = (Double(outputs[index]), truth[index] ? 1.0 : 0)
                // log(1 + exp(x)) - x·answer, with no exponential of anything large.
                sum += max(output, 0) - output * answer + log1p(exp(-abs(output)))
                gradient?[index] = Float(weight * (probability(output) - answer) / Double(count))
            }
            return sum / Double(count)
        case .label(let label):
            return crossEntropy(outputs, count: count, label, weight: weight, gradient: gradient)
        case .span(let first, let last):
            return [first, last].enumerated().reduce(0) { sum, end in
                sum
                    + crossEntropy(
                        outputs + end.offset, count: count / 2, stride: 2, end.element, weight: weight / 2,
                        gradient: gradient.map { $0 + end.offset })
            } / 2
        case .words(let labels):
            let size = count / labels.count
            return labels.enumerated().reduce(0) { sum, place in
                sum
                    + crossEntropy(
                        outputs + place.offset * size, count: size, place.element,
                        weight: weight / Double(labels.count), gradient: gradient.map { $0 + place.offset * size })
            } / Double(labels.count)
        }
    }

    /// - Parameter stride: from one output to the next.
    private static func crossEntropy(
        _ outputs: UnsafeMutablePointer<Float>, count: Int, stride: Int = 1, _ label: Int, weight: Double,
        gradient: UnsafeMutablePointer<Float>?
    ) -> Double {
        let values = (0..<count).map { Double(outputs[$0 * stride]) }
        let top = values.max() ?? 0
        let powers = values.map { exp($0 - top) }
        let total = powers.reduce(0, +)
        if let gradient {
            for index in 0..<count {
                gradient[index * stride] = Float(weight * (powers[index] / total - (index == label ? 1 : 0)))
            }
        }
        return log(total) + top - values[label]
    }

    /// The loss of outputs that are known already; the same bits.
    package static func loss(_ outputs: [Float], _ target: TaskTarget) -> Double {
        var outputs = outputs
        return outputs.withUnsafeMutableBufferPointer { outputs in
            outputs.baseAddress.map { loss($0, count: outputs.count, target, weight: 1, gradient: nil) } ?? .nan
        }
    }

    /// Of a logit.
    static func probability(_ output: Double) -> Double {
        let power = exp(-abs(output))
        return output >= 0 ? 1 / (1 + power) : power / (1 + power)
    }

    /// Probabilities of classes.
    static func probabilities(_ outputs: [Float]) -> [Double] {
        let values = outputs.map { Double($0) }
        let top = values.max() ?? 0
        let powers = values.map { exp($0 - top) }
        let total = powers.reduce(0, +)
        return powers.map { $0 / total }
    }
}
