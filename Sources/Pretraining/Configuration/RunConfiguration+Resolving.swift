import Configuration
import Foundation

extension RunConfiguration {
    /// A configuration from a file, a preset and single settings, the later over the earlier, and a name for it.
    ///
    /// - Parameters:
    ///   - path: of a YAML file; nil for the preset alone, or the demo's.
    ///   - settings: `key=value` each.
    ///   - base: a model whose shape and parametrization are the defaults where no preset is named.
    /// - Throws: `ConfigurationError`, `UnknownPreset`, `FileFailure`.
    public static func resolve(
        file path: String?, preset: String? = nil, settings: [String] = [], base: RunConfiguration? = nil
    ) throws -> (configuration: RunConfiguration, name: String) {
        let yaml = try path.map { try ConfigurationReader.text(ofFile: $0) } ?? ""
        let origin = path ?? "the command line"
        var overrides = settings
        if let preset { overrides.insert("model.preset=\(preset)", at: 0) }
        let named = try ConfigurationReader.peek("model.preset", yaml: yaml, origin: origin, overrides: overrides)
        let name = named ?? (path == nil && base == nil ? Preset.demo.rawValue : nil)
        func written(_ key: String) throws -> String? {
            try ConfigurationReader.peek(key, yaml: yaml, origin: origin, overrides: overrides)
        }
        var resolved = try Preset.defaults(
            named: name, objective: written("objective.name"), replacements: written("objective.replacements"),
            origin: origin)
        if let base, named == nil {
            resolved.model = base.model
            resolved.model.preset = nil
            resolved.parametrization = base.parametrization
        }
        try ConfigurationReader.read(yaml: yaml, origin: origin, overrides: overrides, into: &resolved)
        let stem = path.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent }
        return (resolved, stem ?? name ?? "run")
    }
}
