import Encoder
import Kernels

/// Which of several ranks sums each piece of the gradients, keeps its moments and moves its weights (ZeRO's first stage,
/// Rajbhandari et al. 2020, arXiv 1910.02054). A function of the layout and the number of ranks alone.
package struct PieceOwners: Sendable, Equatable {
    /// The rank, for each piece.
    package let ranks: [Int]

    /// Matrices that Muon moves are owned whole, and shared out first, by the operations that they cost; then everything else,
    /// so that ranks have about as many parameters each.
    package init(_ pieces: GradientPieces, _ layout: ParameterLayout, kind: OptimizerKind, rankCount: Int) {
        var leaders = pieces.companions
        var flops = [Double](repeating: 0, count: leaders.count)
        if kind == .muon {
            for spec in layout.momentSpecs where Muon.moves(spec) {
                let place = spec.offset..<spec.offset + spec.count
                let own = pieces.places.indices.filter { pieces.places[$0].overlaps(place) }
                // A large matrix is several pieces, small ones may share theirs: whatever they touch stays together.
                let leader = own.map { leaders[$0] }.min()!
                let joined = Set(own.map { leaders[$0] })
                for index in leaders.indices where joined.contains(leaders[index]) { leaders[index] = leader }
                flops[leader] +=
                    joined.subtracting([leader]).reduce(0) { $0 + flops[$1] }
                    + Orthogonalization.flops(rows: spec.shape[0], columns: spec.shape[1], precision: .float32)
                for other in joined where other != leader { flops[other] = 0 }
            }
        }
        var counts: [Int: Int] = [:]
        for (index, leader) in leaders.enumerated() { counts[leader, default: 0] += pieces.places[index].count }
        let units = counts.keys.sorted { a, b in
            if flops[a] != flops[b] { return flops[a] > flops[b] }
            return counts[a]! != counts[b]! ? counts[a]! > counts[b]! : a < b
        }
        var loads = (0..<rankCount).map { _ in (flops: 0.0, count: 0) }
        var owners: [Int: Int] = [:]
        for unit in units {
            let isMatrix = flops[unit] > 0
            let place = loads.indices.min { a, b in
                if isMatrix, loads[a].flops != loads[b].flops { return loads[a].flops < loads[b].flops }
                return (loads[a].count, a) < (loads[b].count, b)
            }!
            loads[place].flops += flops[unit]
            loads[place].count += counts[unit]!
            owners[unit] = place
        }
        ranks = leaders.map { owners[$0]! }
    }

    /// Pieces of a rank, in their order.
    package func pieces(of rank: Int) -> [Int] { ranks.indices.filter { ranks[$0] == rank } }
}
