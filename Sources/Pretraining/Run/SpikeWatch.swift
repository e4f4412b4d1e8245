/// The losses and gradient norms of the last steps, beside which a step may be too far out to learn from (as
/// `SkipStepOptimizer` of OLMo-core does it).
///
/// A step that is left out counts among the last ones all the same: if all are as high as it, they are no longer.
public struct SpikeWatch: Codable, Sendable, Equatable {
    /// Steps that are looked back on; half as many are needed to judge.
    static let length = 128

    private(set) var losses: [Double] = []
    private(set) var norms: [Double] = []

    /// - Throws: `Spike` where the loss or the norm lies more than so many standard deviations above the mean.
    func check(loss: Double, norm: Double, deviations: Double) throws {
        for (what, value, all) in [("loss", loss, losses), ("gradient norm", norm, norms)]
        where all.count >= Self.length / 2 {
            let mean = all.reduce(0, +) / Double(all.count)
            let variance = all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(all.count - 1)
            if value - mean > deviations * variance.squareRoot() {
                throw Spike(what: what, value: value, mean: mean, deviation: variance.squareRoot())
            }
        }
    }

    mutating func add(loss: Double, norm: Double) {
        losses.append(loss)
        norms.append(norm)
        if losses.count > Self.length {
            losses.removeFirst()
            norms.removeFirst()
        }
    }

    /// What cannot be, in a checkpoint.
    var problem: String? {
        losses.count == norms.count && losses.count <= Self.length && (losses + norms).allSatisfy(\.isFinite)
            ? nil : "the losses and gradient norms of the last steps are none"
    }
}

/// A step that lies too far out to learn from.
struct Spike: Error, CustomStringConvertible {
    var what: String
    var value: Double
    var mean: Double
    var deviation: Double

    var description: String {
        func short(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
        return "its \(what) is \(short(value)), that of the steps before \(short(mean)) ± \(short(deviation))"
    }
}
