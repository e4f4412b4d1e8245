import Configuration
import Foundation

extension RunConfiguration {
    /// A configuration from a file, a preset and single settings, the later over the earlier, and a name for it.
    ///
    /// - Parameters:
    ///   - path: of a YAML file; nil for the preset alone, or the demo's.
    ///   - settings: `key=value` each.
    ///   - own: which of the settings are this configuration's alone, where it shares the file and the others with further ones,
    ///     to which they may mean something; nil: file and settings are all its own.
    ///   - base: a model whose shape and parametrization are the defaults where no preset is named.
    ///   - note: told what a later setting has left without effect.
    /// - Throws: `ConfigurationError`, also for what was asked for and has no effect; `UnknownPreset`, `FileFailure`.
    public static func resolve(
        file path: String?, preset: String? = nil, settings: [String] = [], own: Range<Int>? = nil,
        base: RunConfiguration? = nil, note: (String) -> Void = { _ in }
    ) throws -> (configuration: RunConfiguration, name: String) {
        let yaml = try path.map { try ConfigurationReader.text(ofFile: $0) } ?? ""
        let origin = path ?? "the command line"
        let preset = preset.map { ["model.preset=\($0)"] } ?? []
        func written(_ key: String, _ settings: [String]) throws -> String? {
            try ConfigurationReader.peek(key, yaml: yaml, origin: origin, overrides: preset + settings)
        }
        let named = try written("model.preset", settings)
        let name = named ?? (path == nil && base == nil ? Preset.demo.rawValue : nil)
        /// What text and settings are read into: the preset, wherever it is named, as some of them change it.
        func defaults(_ settings: [String]) throws -> RunConfiguration {
            var configuration = try Preset.defaults(
                named: name, objective: written("objective.name", settings),
                replacements: written("objective.replacements", settings), origin: origin)
            if let base, named == nil {
                configuration.model = base.model
                configuration.model.preset = nil
                configuration.parametrization = base.parametrization
            }
            return configuration
        }
        var resolved = try defaults(settings)
        try ConfigurationReader.read(yaml: yaml, origin: origin, overrides: preset + settings, into: &resolved)
        let notes = try ConfigurationReader.checkUse(
            of: resolved, yaml: yaml, origin: origin, overrides: settings, own: own, looksAtText: own == nil
        ) { try defaults($0) }
        notes.forEach(note)
        let stem = path.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent }
        return (resolved, stem ?? name ?? "run")
    }
}
