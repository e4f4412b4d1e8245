import ArgumentParser
import Configuration
import Foundation
import Kernels
import Machine
import Pretraining

/// Where a configuration comes from: a file, a preset, single settings.
struct ConfigurationOptions: ParsableArguments {
    @Argument(
        help: "A YAML file. Without one: the preset, or the embedded demo configuration.",
        completion: .file(extensions: ["yaml", "yml"]))
    var configuration: String?

    @Option(
        help: ArgumentHelp(
            "Take the defaults of all sections from a preset: \(Preset.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "name"),
        completion: .list(Preset.allCases.map(\.rawValue)))
    var preset: String?

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp(
            "Change one setting; repeatable. Any YAML value: --set optimizer.peak_learning_rate=1e-3.",
            valueName: "key=value"))
    var settings: [String] = []

    func validate() throws {
        // An empty name, as of an unset shell variable, would otherwise quietly mean the default.
        if let preset, Preset(rawValue: preset) == nil {
            throw ValidationError("\(UnknownPreset(name: "\"\(preset)\"", origin: "--preset"))")
        }
    }

    /// Whether there is neither a file nor a preset.
    var namesNothing: Bool {
        configuration == nil && preset == nil && !settings.contains { $0.hasPrefix("model.preset=") }
    }

    /// The resolved configuration, and a name for it.
    ///
    /// - Parameters:
    ///   - fallback: a file to use where neither file nor preset is given.
    ///   - base: a model whose shape is the default where no preset is named.
    ///   - note: told what a later setting has left without effect.
    func resolve(
        fallback: String? = nil, base: RunConfiguration? = nil, note: (String) -> Void = { _ in }
    ) throws -> (configuration: RunConfiguration, name: String) {
        try RunConfiguration.resolve(
            file: configuration ?? (preset == nil ? fallback : nil), preset: preset, settings: settings, base: base,
            note: note)
    }

    /// The configuration of a file alone.
    static func resolve(file: String) throws -> RunConfiguration {
        try RunConfiguration.resolve(file: file, preset: nil, settings: []).configuration
    }
}

/// How many threads compute.
struct ThreadOptions: ParsableArguments {
    @Option(
        help: """
            Threads that compute. Default: the processors that this process may use. Results do not depend on it; where steps are \
            set by a time (training.hours, config suggest), they are those that so many threads were measured to do in it.
            """)
    var threads: Int?

    func validate() throws {
        if let threads, !(1...Kernels.maximumThreadCount).contains(threads) {
            throw ValidationError("--threads must be from 1 to \(Kernels.maximumThreadCount)")
        }
    }

    var count: Int { threads ?? min(MachineLimits().processors, Kernels.maximumThreadCount) }

    /// Threads with room to compute.
    ///
    /// - Throws: `MemoryShortage`.
    func pool() throws -> ThreadPool { try .reserving(threadCount: count) }
}
