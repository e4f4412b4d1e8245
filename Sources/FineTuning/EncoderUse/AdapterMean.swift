import Encoder
import Kernels

/// Merges the copies of adapters into one, their mean, which evaluation and prediction read (AdaMix, arXiv 2205.12410, section
/// 3.3).
struct AdapterMean: Sendable {
    private let members: [(mean: ParameterSpec, copies: [Int])]

    init(_ layout: ParameterLayout, copies: Int) {
        members = layout.specs.filter { Self.isMean($0.name) }.map { spec in
            (
                spec,
                (0..<copies).map { copy in
                    let name = spec.name.replacing(".mean.", with: ".\(copy).")
                    guard let found = layout[name] else { preconditionFailure("no \(name) for \(spec.name)") }
                    return found.offset
                }
            )
        }
    }

    /// Whether a tensor is computed, and not learned.
    static func isMean(_ name: String) -> Bool { name.hasPrefix("task.adapters.") && name.contains(".mean.") }

    func update(_ weights: FloatBuffer) {
        for (mean, copies) in members {
            for index in 0..<mean.count {
                let sum = copies.reduce(Float(0)) { $0 + weights.base[$1 + index] }
                weights.base[mean.offset + index] = sum / Float(copies.count)
            }
        }
    }
}
