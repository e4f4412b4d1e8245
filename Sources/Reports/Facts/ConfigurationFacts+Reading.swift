import Configuration
import Pretraining

extension ConfigurationFacts {
    /// Of pretraining, beside the preset that it names.
    ///
    /// - Throws: only what visiting the settings throws.
    init(_ configuration: RunConfiguration) throws {
        let preset = configuration.model.preset.flatMap(Preset.init(rawValue:))
        var usually = preset?.configuration(objective: configuration.objective.name) ?? RunConfiguration()
        // What follows from it is no deviation, but it is one itself.
        if let preset { usually.objective.name = preset.configuration.objective.name }
        try self.init(
            configuration, usually: usually,
            baseline: preset.map { "preset \($0.rawValue)" } ?? "defaults")
    }

    /// - Parameters:
    ///   - baseline: what the usual settings are called.
    /// - Throws: only what visiting the settings throws.
    init<Root: Configurable>(_ configuration: Root, usually: Root, baseline: String = "defaults") throws {
        self.baseline = baseline
        let usual = Dictionary(
            try ConfigurationDocumentation(of: usually).keys.map { ($0.path, $0.defaultValue) },
            uniquingKeysWith: { first, _ in first })
        settings = try ConfigurationDocumentation(of: configuration).keys.map { key in
            Setting(
                key: key.path, value: key.defaultValue,
                usual: usual[key.path].flatMap { $0 == key.defaultValue || key.path == "model.preset" ? nil : $0 })
        }
        yaml = try ConfigurationWriter.yaml(configuration)
    }

    /// The settings that are not the same in all configurations, with the value of each; nil where one does not have it.
    static func differences(_ all: [ConfigurationFacts]) -> [(key: String, values: [String?])] {
        guard all.count > 1 else { return [] }
        let values = all.map {
            Dictionary($0.settings.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        }
        var keys = all[0].settings.map(\.key)
        keys += Set(values.flatMap(\.keys)).subtracting(keys).sorted()
        return keys.compactMap { key in
            let row = values.map { $0[key] }
            return Set(row).count > 1 ? (key, row) : nil
        }
    }
}
