import Encoder
import Parametrization
import Pretraining

/// The same model at other widths: everything that grows keeps its proportion to the hidden size.
///
/// Heads keep their size and change in number where that divides, and otherwise change in size. The feed-forward layers
/// and the generator keep their ratios. An embedding size equal to the hidden size grows with it; any other is fixed.
public struct WidthFamily: Sendable {
    public let target: RunConfiguration
    /// Whether the embedding size changes with the width.
    public let embeddingGrows: Bool
    /// Where there is none, its shape is anything.
    private var hasGenerator: Bool { target.objective.hasGenerator }
    /// Heads below this do not behave like wider ones: their scores are too noisy (Yang et al. 2022, appendix D.4).
    public static let smallestHead = 32

    public init(_ target: RunConfiguration) {
        self.target = target
        embeddingGrows =
            target.parametrization.baseEmbeddingSize.map { $0 != target.model.embeddingSize }
            ?? (target.model.embeddingSize == target.model.hiddenSize)
    }

    /// Which rules a member's initial values and learning rates follow.
    public enum Rules: Sendable, Equatable {
        case standard
        /// muP from this width on (the target's own base width, if it has one, takes precedence).
        case maximalUpdate(baseWidth: Int)
    }

    /// The configuration at a width.
    ///
    /// - Parameters:
    ///   - layerCount: of the discriminator; the generator's changes in proportion. Nil: the target's.
    /// - Throws: `TransferError.refused` where the family has no member of this width or depth.
    public func configuration(width: Int, layerCount: Int? = nil, rules: Rules) throws -> RunConfiguration {
        var result = target
        try resize(&result.model, width: width)
        let depth = layerCount ?? target.model.layerCount
        if depth != target.model.layerCount { try deepen(&result.model, layerCount: depth) }
        result.parametrization = try parametrization(rules, proxyDepth: layerCount)
        // Names the shape that is no longer the model's.
        result.model.preset = nil
        do {
            try result.model.validate()
            try result.validate()
        } catch {
            throw TransferError.refused("width \(width): \(error)")
        }
        return result
    }

    /// The base widths of muP, and of CompleteP where the depth changes.
    ///
    /// - Parameter proxyDepth: layers of the proxy, if they are not the target's.
    public func parametrization(_ rules: Rules, proxyDepth: Int?) throws -> ParametrizationConfiguration {
        var result = target.parametrization
        switch rules {
        case .standard: result = result.withoutBases
        case .maximalUpdate(let proxyWidth):
            let width = target.parametrization.baseHiddenSize ?? proxyWidth
            var base = target.model
            try resize(&base, width: width)
            result.baseHiddenSize = width
            result.baseEmbeddingSize = target.parametrization.baseEmbeddingSize ?? base.embeddingSize
            result.baseHeadSize = target.parametrization.baseHeadSize ?? base.discriminatorShape.headSize
            if hasGenerator {
                result.generatorBaseHiddenSize =
                    target.parametrization.generatorBaseHiddenSize ?? base.generatorShape.hiddenSize
                // A target that names the discriminator's alone means both: null is what it had.
                result.generatorBaseHeadSize =
                    target.parametrization.generatorBaseHeadSize ?? target.parametrization.baseHeadSize
                    ?? base.generatorShape.headSize
            }
            if let proxyDepth, proxyDepth != target.model.layerCount {
                try deepen(&base, layerCount: proxyDepth)
                result.baseLayerCount = target.parametrization.baseLayerCount ?? base.layerCount
                if hasGenerator {
                    result.generatorBaseLayerCount =
                        target.parametrization.generatorBaseLayerCount ?? base.generatorShape.layerCount
                }
            }
        }
        return result
    }

    /// Widths below the target's that a proxy can have.
    public var widths: [Int] {
        stride(from: 8, to: target.model.hiddenSize, by: 8).filter {
            (try? configuration(width: $0, rules: .standard)) != nil
        }
    }

    /// A width for the proxy: the largest that is at most a quarter of the target's, or else the smallest that there is.
    public func suggestedWidth() throws -> Int {
        let hidden = target.model.hiddenSize
        let candidates = widths
        if let width = candidates.last(where: { 4 * $0 <= hidden }) ?? candidates.first { return width }
        throw TransferError.refused(
            "no width below \(hidden) keeps the proportions with heads of \(Self.smallestHead) or more; give the target "
                + "smaller or fewer heads, a wider generator, or tune it directly")
    }

    private func resize(_ model: inout ModelConfiguration, width: Int) throws {
        let (discriminator, generator) = (target.model.discriminatorShape, target.model.generatorShape)
        func scaled(_ size: Int, _ what: String) throws -> Int {
            let (product, unit) = (size * width, target.model.hiddenSize)
            guard product % unit == 0, product / unit > 0, product / unit % 8 == 0 else {
                throw TransferError.refused(
                    "width \(width): the \(what) of \(size) at width \(unit) would be "
                        + "\(Double(product) / Double(unit)), which is not a multiple of 8")
            }
            return product / unit
        }
        model.hiddenSize = width
        model.intermediateSize = try scaled(discriminator.intermediateSize, "feed-forward size")
        model.headCount = try heads(width: width, of: discriminator, "")
        var widths = [("discriminator", discriminator.hiddenSize, width)]
        if hasGenerator {
            let generatorWidth = try scaled(generator.hiddenSize, "generator's hidden size")
            model.generator.hiddenSize = generatorWidth
            model.generator.intermediateSize = try scaled(generator.intermediateSize, "generator's feed-forward size")
            model.generator.headCount = try heads(width: generatorWidth, of: generator, "generator's ")
            model.generator.layerCount = generator.layerCount
            widths.append(("generator", generator.hiddenSize, generatorWidth))
        }
        if embeddingGrows {
            model.embeddingSize = try scaled(target.model.embeddingSize, "embedding size")
        }
        // A projection that only some members have would make them different models.
        for (name, before, now) in widths where (before == target.model.embeddingSize) != (now == model.embeddingSize) {
            throw TransferError.refused(
                "width \(width): the \(name)'s hidden size would be \(now) with embeddings of \(model.embeddingSize), so that "
                    + "it \(now == model.embeddingSize ? "lost" : "gained") the projection between them; choose another width"
            )
        }
    }

    private func heads(width: Int, of shape: NetworkShape, _ name: String) throws -> Int {
        let count = width % shape.headSize == 0 ? width / shape.headSize : shape.headCount
        guard width % count == 0 else {
            throw TransferError.refused(
                "width \(width): neither heads of \(shape.headSize) nor \(shape.headCount) heads divide the \(name)hidden "
                    + "size \(width)")
        }
        guard width / count >= Self.smallestHead else {
            throw TransferError.refused(
                "width \(width): the \(name)heads would have a size of \(width / count), and below \(Self.smallestHead) "
                    + "what is found does not transfer; choose a wider proxy, or fewer heads in the target")
        }
        return count
    }

    private func deepen(_ model: inout ModelConfiguration, layerCount: Int) throws {
        guard target.model.normalization.placement == .pre else {
            throw TransferError.refused(
                "the proxy would have \(layerCount) layers and the target \(target.model.layerCount), and hyperparameters "
                    + "transfer across depth only under Pre-LN, not under \(target.model.normalization.placement.rawValue): "
                    + "keep the depth, or set model.normalization.placement to pre")
        }
        guard layerCount > 0 else { throw TransferError.refused("\(layerCount) layers are none") }
        model.layerCount = layerCount
        guard hasGenerator else { return }
        let generator = target.model.generatorShape.layerCount * layerCount
        guard generator % target.model.layerCount == 0, generator > 0 else {
            throw TransferError.refused(
                "\(layerCount) layers: the generator's \(target.model.generatorShape.layerCount) would not be a whole number"
            )
        }
        model.generator.layerCount = generator / target.model.layerCount
    }
}
