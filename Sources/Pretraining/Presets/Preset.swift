import Configuration
import Encoder
import Objectives

/// Named configurations: this engine's own, which were measured, and published ones.
///
/// A preset sets the defaults of all sections; what a configuration spells out takes precedence.
public enum Preset: String, CaseIterable, Sendable {
    case demo
    case small
    case base
    case electraSmall = "electra-small"
    case electraBase = "electra-base"
    case electraLarge = "electra-large"
    case cocoLMBase = "coco-lm-base"
    case metroBase = "metro-base"
    case metroLarge = "metro-large"
    case debertaV3Small = "deberta-v3-small"
    case debertaV3Base = "deberta-v3-base"
    case longformerSmall = "longformer-rtd-small"
    case longformerBase = "longformer-rtd-base"
    case modernSmall = "modern-rtd-small"

    /// Whether it is this engine's own, out of what was measured; the others have published values.
    package var isMeasured: Bool { [.demo, .small, .base].contains(self) }

    /// The configuration with nothing spelled out, or nothing but the objective and where replacements come from.
    public func configuration(
        objective: ObjectiveName? = nil, replacements: ReplacementSource? = nil
    ) -> RunConfiguration {
        var configuration = configuration
        if isMeasured {
            Self.change(
                &configuration, to: objective ?? configuration.objective.name,
                replacements ?? configuration.objective.replacements)
        }
        return configuration
    }

    /// The configuration with nothing spelled out.
    public var configuration: RunConfiguration {
        var configuration = RunConfiguration()
        switch self {
        case .demo: Self.applyDemo(&configuration)
        case .small: Self.applySmall(&configuration)
        case .base: Self.applyBase(&configuration)
        case .electraSmall: Self.applyElectraSmall(&configuration)
        case .electraBase:
            Self.applyElectraSmall(&configuration)
            Self.applyElectraBase(&configuration)
        case .electraLarge: Self.applyElectraLarge(&configuration)
        case .cocoLMBase: Self.applyCocoLMBase(&configuration)
        case .metroBase: Self.applyMetroBase(&configuration)
        case .metroLarge: Self.applyMetroLarge(&configuration)
        case .debertaV3Small: Self.applyDebertaV3Small(&configuration)
        case .debertaV3Base: Self.applyDebertaV3Base(&configuration)
        case .longformerSmall:
            Self.applyElectra(&configuration)
            Self.applyLongformer(&configuration)
        case .longformerBase:
            Self.applyElectraBase(&configuration)
            Self.applyLongformer(&configuration)
        case .modernSmall: Self.applyModernSmall(&configuration)
        }
        configuration.model.preset = rawValue
        return configuration
    }

    /// The preset that a YAML text and overrides name, or ELECTRA-small's values without a name.
    ///
    /// - Parameters:
    ///   - objective: that they name, if any; what a preset of this engine's own sets for another one is left out.
    ///   - replacements: likewise.
    /// - Throws: `UnknownPreset` for a name that is none of `allCases`.
    public static func defaults(
        named name: String?, objective: String? = nil, replacements: String? = nil, origin: String
    ) throws -> RunConfiguration {
        guard let name else { return RunConfiguration() }
        guard let preset = Preset(rawValue: name) else { throw UnknownPreset(name: name, origin: origin) }
        // A name that is none is found when the configuration is read.
        return preset.configuration(
            objective: objective.flatMap(ObjectiveName.init), replacements: replacements.flatMap(ReplacementSource.init)
        )
    }
}

/// A preset that does not exist.
public struct UnknownPreset: Error, Equatable, CustomStringConvertible {
    public var name: String
    public var origin: String

    public init(name: String, origin: String) {
        self.name = name
        self.origin = origin
    }

    public var description: String {
        "\(origin): there is no preset \(name); presets are \(Preset.allCases.map(\.rawValue).joined(separator: ", "))"
    }
}
