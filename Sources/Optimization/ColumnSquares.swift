import Foundation
import Kernels

/// Sums of squares of the columns of the tables that an optimizer couples, of each of their slices.
///
/// Each slice is summed by whoever moves it and all add the slices in their order: the means are the same bits for any number
/// of threads and ranks.
public struct ColumnSquares: Codable, Sendable, Equatable {
    /// `[columns]` numbers by the place where the slice begins in the gradients.
    private var slices: [Int: Data] = [:]

    package init() {}

    /// - Parameters:
    ///   - places: where slices begin in the gradients.
    ///   - body: adds the squares of a slice, by its index, to sums of its columns.
    init(
        places: [Int], columns: [Int], pool: ThreadPool,
        _ body: @escaping @Sendable (_ slice: Int, _ sums: UnsafeMutablePointer<Double>) -> Void
    ) {
        let sums = TaskResults<[Double]>(count: places.count)
        pool.run(places.count) { task, _ in
            var own = [Double](repeating: 0, count: columns[task])
            own.withUnsafeMutableBufferPointer { body(task, $0.baseAddress!) }
            sums[task] = own
        }
        for (index, place) in places.enumerated() {
            slices[place] = sums[index]!.withUnsafeBytes { Data($0) }
        }
    }

    /// Adds what other ranks have summed.
    package mutating func add(_ others: ColumnSquares) {
        slices.merge(others.slices) { own, _ in own }
    }

    /// The mean of each column over a table's rows.
    ///
    /// - Parameters:
    ///   - places: where its slices begin, in their order.
    ///   - scale: that gradients are multiplied with.
    func means(of places: [Int], rows: Int, columns: Int, scale: Double) -> [Float] {
        var sums = [Double](repeating: 0, count: columns)
        for place in places {
            guard let slice = slices[place] else { preconditionFailure("a slice of a table was not summed") }
            slice.withUnsafeBytes { bytes in
                for column in 0..<columns {
                    sums[column] += bytes.loadUnaligned(fromByteOffset: 8 * column, as: Double.self)
                }
            }
        }
        return sums.map { Float($0 / Double(rows) * scale * scale) }
    }
}
