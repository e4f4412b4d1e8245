import Foundation

/// Which row of the table of relative positions stands for which distance in disentangled attention: near distances have a
/// row each, far ones share rows by their logarithm (`make_log_bucket_position` of DeBERTa's release).
public struct RelativePositionBuckets: Sendable, Equatable {
    /// Buckets of either direction; 0 where every distance has its own.
    public let buckets: Int
    /// Distances from here on share the outermost row.
    public let maximumDistance: Int

    public init(_ attention: AttentionConfiguration) {
        buckets = attention.positionBuckets
        maximumDistance = attention.maximumRelativeDistance
    }

    /// Rows of either direction.
    private var span: Int { buckets > 0 ? buckets : maximumDistance }

    /// Rows of the whole table.
    public var rowCount: Int { 2 * span }

    /// - Parameter distance: position of the query minus that of the key.
    public func row(_ distance: Int) -> Int { min(max(bucket(distance) + span, 0), rowCount - 1) }

    private func bucket(_ distance: Int) -> Int {
        let middle = buckets / 2
        let size = abs(distance)
        guard buckets > 0, size > middle else { return distance }
        // The last distance comes to the last bucket but for rounding.
        let share = log(Double(size) / Double(middle)) / log(Double(maximumDistance - 1) / Double(middle))
        let far = Int((share * Double(middle - 1) - 1e-9).rounded(.up)) + middle
        return distance > 0 ? far : -far
    }
}
