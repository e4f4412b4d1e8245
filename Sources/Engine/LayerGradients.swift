import Encoder
import Kernels

/// How large the gradients of a network's layers are.
public struct LayerGradients: Sendable, Equatable {
    public var network: NetworkKind
    /// Root mean squares of the gradients of each layer's tensors, lowest layer first; 0 where nothing learns.
    public var rootMeanSquares: [Double]

    public init(network: NetworkKind, rootMeanSquares: [Double]) {
        self.network = network
        self.rootMeanSquares = rootMeanSquares
    }

    /// Of all networks in a layout.
    ///
    /// - Parameter gradients: merged, in the places of the layout.
    static func all(_ gradients: FloatBuffer, _ layout: ParameterLayout) -> [LayerGradients] {
        NetworkKind.allCases.compactMap { network in
            let prefix = "\(network.rawValue).layers."
            var sums: [Int: (squares: Double, count: Int)] = [:]
            for spec in layout.specs where spec.name.hasPrefix(prefix) {
                guard let layer = Int(spec.name.dropFirst(prefix.count).prefix { $0 != "." }) else { continue }
                let norm = Kernels.norm(gradients.base + spec.offset, count: spec.count)
                sums[layer, default: (0, 0)].squares += norm * norm
                sums[layer]?.count += spec.count
            }
            guard !sums.isEmpty else { return nil }
            let means = sums.sorted { $0.key < $1.key }.map { ($0.value.squares / Double($0.value.count)).squareRoot() }
            return LayerGradients(network: network, rootMeanSquares: means)
        }
    }
}
