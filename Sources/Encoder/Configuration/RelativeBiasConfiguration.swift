import Configuration
import Foundation

/// A learned number for every head and bin of distances, added to the attention scores (T5: Raffel et al. 2020, arXiv
/// 1910.10683, section 2.1; COCO-LM: Meng et al. 2021, arXiv 2102.08473).
public struct RelativeBiasConfiguration: Configurable, Equatable {
    public enum Sharing: String, CaseIterable, Sendable {
        case none
        /// One table for all layers of a network, as in both papers' releases.
        case shared
        case perLayer = "per_layer"
    }

    public var sharing = Sharing.none
    public var binning = RelativePositionBins.Rule.t5
    public var bins = 32
    public var maximumDistance = 128

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.choice(
            "sharing", &sharing, "none; shared: one table for all layers of a network; per_layer: a table for each.")
        try fields.choice(
            "binning", &binning,
            "How far distances share bins: t5, which rounds them down, or coco_lm, which rounds them up.")
        try fields.integer("bins", &bins, 4...1024, "Bins of both directions together, a multiple of 4.")
        try fields.integer(
            "maximum_distance", &maximumDistance, 3...65536, "Distances from here on share the outermost bins.")
    }

    public var uses: [SettingUse] {
        [
            SettingUse(
                "binning", "bins", "maximum_distance", isRead: sharing != .none,
                otherwise: "is for a bias by distance; sharing is none")
        ]
    }

    public func validate() throws {
        if bins % 4 != 0 { throw InvalidSetting("bins", "\(bins) is not a multiple of 4") }
        if maximumDistance <= bins / 4 + 1 {
            throw InvalidSetting(
                "maximum_distance",
                "must be more than \(bins / 4 + 1), because \(bins) bins hold distances below \(bins / 4) one by one")
        }
    }
}

/// Which bin a distance from query to key falls into: near distances one by one, far ones by their logarithm, both
/// directions apart.
public struct RelativePositionBins: Sendable, Equatable {
    public enum Rule: String, CaseIterable, Sendable {
        /// `relative_position_bucket` of T5: distances to the left come first, 0 with them.
        case t5
        /// That of COCO-LM's release: from left to right, 0 in the middle; the last bin stays empty.
        case cocoLM = "coco_lm"
    }

    public let rule: Rule
    public let count: Int
    public let maximumDistance: Int

    public init(_ configuration: RelativeBiasConfiguration) {
        rule = configuration.binning
        count = configuration.bins
        maximumDistance = configuration.maximumDistance
    }

    /// - Parameter distance: position of the key minus that of the query.
    public func bin(_ distance: Int) -> Int {
        let half = count / 2
        let size = magnitudeBin(abs(distance))
        switch rule {
        case .t5: return distance > 0 ? half + size : size
        case .cocoLM: return half - 1 + (distance > 0 ? size : -size)
        }
    }

    /// The bin of a distance without its direction, below `count / 2`.
    private func magnitudeBin(_ distance: Int) -> Int {
        let half = count / 2
        let exact = half / 2
        guard distance >= exact else { return distance }
        let ratio = log(Double(distance) / Double(exact))
        let far: Double
        switch rule {
        case .t5: far = (ratio / log(Double(maximumDistance) / Double(exact)) * Double(half - exact)).rounded(.down)
        case .cocoLM:
            far = (ratio / log(Double(maximumDistance - 1) / Double(exact)) * Double(half - 1 - exact)).rounded(.up)
        }
        return min(half - 1, exact + Int(far))
    }
}
