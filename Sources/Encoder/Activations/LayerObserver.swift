import Foundation
import Kernels
import Synchronization

/// Compares the states between the layers of a network: the input of each layer, and the output of the last one.
///
/// Chunks may arrive from any thread in any order: they are summed in the order of their rows.
package final class LayerObserver: StateObserver {
    /// What is known of a network's states, as means over tokens.
    package struct Summary: Sendable, Equatable {
        package var tokens = 0
        /// `[states][states]`: row i holds the angular distances arccos(cos)/π of state i from the states i + 1, i + 2, ….
        package var angularDistances: [[Double]] = []
        /// Root mean square of the elements of each state.
        package var rootMeanSquares: [Double] = []

        package init(tokens: Int = 0, angularDistances: [[Double]] = [], rootMeanSquares: [Double] = []) {
            self.tokens = tokens
            self.angularDistances = angularDistances
            self.rootMeanSquares = rootMeanSquares
        }
    }

    private struct Sums: Sendable {
        var tokens: Int
        var distances: [[Double]]
        var squares: [Double]
    }

    private let chunks = Mutex<[NetworkKind: [Int: Sums]]>([:])

    package init() {}

    package func record(_ states: [Matrix], of network: NetworkKind, _ chunk: ChunkGeometry) {
        guard let rows = states.first?.rows else { return }
        var sums = Sums(
            tokens: rows, distances: states.indices.map { .init(repeating: 0, count: states.count - 1 - $0) },
            squares: .init(repeating: 0, count: states.count))
        for row in 0..<rows {
            let lengths = states.map { Self.product($0.row(row), $0.row(row), $0.columns) }
            for i in states.indices {
                sums.squares[i] += lengths[i] / Double(states[i].columns)
                for j in (i + 1)..<max(states.count, i + 1) {
                    let product = Self.product(states[i].row(row), states[j].row(row), states[i].columns)
                    let cosine = product / max((lengths[i] * lengths[j]).squareRoot(), .leastNormalMagnitude)
                    sums.distances[i][j - i - 1] += acos(min(1, max(-1, cosine))) / .pi
                }
            }
        }
        chunks.withLock { $0[network, default: [:]][chunk.firstRow] = sums }
    }

    /// Means over all that was recorded, or nil for a network that was not passed.
    package func summary(of network: NetworkKind) -> Summary? {
        guard let recorded = chunks.withLock({ $0[network] }) else { return nil }
        let ordered = recorded.sorted { $0.key < $1.key }.map(\.value)
        guard let first = ordered.first else { return nil }
        var total = first
        for sums in ordered.dropFirst() {
            total.tokens += sums.tokens
            for i in total.squares.indices {
                total.squares[i] += sums.squares[i]
                for j in total.distances[i].indices { total.distances[i][j] += sums.distances[i][j] }
            }
        }
        let count = Double(max(total.tokens, 1))
        return Summary(
            tokens: total.tokens, angularDistances: total.distances.map { $0.map { $0 / count } },
            rootMeanSquares: total.squares.map { ($0 / count).squareRoot() })
    }

    private static func product(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int
    ) -> Double {
        var sums = SIMD4<Double>.zero
        for i in stride(from: 0, to: count, by: 4) {
            let x = SIMD4<Double>(UnsafeRawPointer(a + i).loadUnaligned(as: SIMD4<Float>.self))
            sums += x * SIMD4<Double>(UnsafeRawPointer(b + i).loadUnaligned(as: SIMD4<Float>.self))
        }
        return sums.sum()
    }
}
