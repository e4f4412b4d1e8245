import Foundation

/// Mean and sample standard deviation of a figure over seeds.
public struct SeedSpread: Codable, Equatable, Sendable {
    public var mean: Double
    /// Nil for one seed, which tells nothing about chance.
    public var deviation: Double?
    public var count: Int

    /// - Returns: nil for no values.
    public init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        count = values.count
        let mean = values.reduce(0, +) / Double(values.count)
        self.mean = mean
        deviation =
            values.count < 2
            ? nil : (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
    }

    /// Whether two means differ by more than two standard errors of their difference; nil where one seed tells nothing.
    public func differs(from other: SeedSpread) -> Bool? {
        guard let own = deviation, let others = other.deviation else { return nil }
        let error = (own * own / Double(count) + others * others / Double(other.count)).squareRoot()
        return abs(mean - other.mean) > 2 * error
    }

    /// `0.8590 ± 0.0012`, or the mean alone.
    public var text: String {
        String(format: "%.4f", mean) + (deviation.map { String(format: " ± %.4f", $0) } ?? "")
    }
}
