import Encoder
import Kernels

/// How large the gradients of a network's layers are.
package struct LayerGradients: Sendable, Equatable {
    package var network: NetworkKind
    /// Root mean squares of the gradients of each layer's tensors, lowest layer first; 0 where nothing learns.
    package var rootMeanSquares: [Double]

    package init(network: NetworkKind, rootMeanSquares: [Double]) {
        self.network = network
        self.rootMeanSquares = rootMeanSquares
    }

    /// Of the networks in a part of a layout.
    ///
    /// - Parameters:
    ///   - gradients: merged, in the places of the layout.
    ///   - range: of places; networks that take turns come one after the other.
    static func all(
        _ gradients: UnsafePointer<Float>, _ layout: ParameterLayout, within range: Range<Int>
    ) -> [LayerGradients] {
        NetworkKind.allCases.compactMap { network in
            let prefix = "\(network.rawValue).layers."
            var sums: [Int: (squares: Double, count: Int)] = [:]
            for spec in layout.specs where range.contains(spec.offset) && spec.name.hasPrefix(prefix) {
                guard let layer = Int(spec.name.dropFirst(prefix.count).prefix { $0 != "." }) else { continue }
                let norm = Kernels.norm(gradients + spec.offset, count: spec.count)
                sums[layer, default: (0, 0)].squares += norm * norm
                sums[layer]?.count += spec.count
            }
            guard !sums.isEmpty else { return nil }
            let means = sums.sorted { $0.key < $1.key }.map { ($0.value.squares / Double($0.value.count)).squareRoot() }
            return LayerGradients(network: network, rootMeanSquares: means)
        }
    }
}
