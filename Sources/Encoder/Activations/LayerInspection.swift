import Kernels

/// Sees the states between the layers of a network. Chunks arrive from any thread in any order.
package protocol StateObserver: Sendable {
    /// - Parameter states: the input of each layer, and the output of the last one, `[n, hidden]` each.
    func record(_ states: [Matrix], of network: NetworkKind, _ chunk: ChunkGeometry)
}

/// What an analysis changes in forward passes, and who watches them.
package struct LayerInspection: Sendable {
    /// A layer that passes on its input as it is.
    package var removed: (network: NetworkKind, layer: Int)?
    package var observer: (any StateObserver)?

    package init(removed: (network: NetworkKind, layer: Int)? = nil, observer: (any StateObserver)? = nil) {
        self.removed = removed
        self.observer = observer
    }

    func removes(_ layer: Int, of network: NetworkKind) -> Bool {
        removed.map { $0.network == network && $0.layer == layer } ?? false
    }
}
