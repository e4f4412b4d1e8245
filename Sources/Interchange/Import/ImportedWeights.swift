import Configuration
import Corpus
import Encoder
import Engine
import Files
import Foundation
import Kernels
import Machine
import Pretraining
import Runs
import Tokenization

/// A model that was read from folders, with all of its weights in memory.
public struct ImportedWeights: Sendable {
    public let configuration: RunConfiguration
    public let tokenizer: ImportedTokenizer
    public let layout: ParameterLayout
    public let weights: FloatBuffer
    public let report: ImportReport
    public let trainsTokenTypes: Bool
    /// The folders and the digests of their weights.
    public let origin: String
    let main: ImportedNetwork
    let generator: ImportedNetwork?

    /// Reads everything.
    ///
    /// - Parameters:
    ///   - folder: of the model, or one with `discriminator` and maybe `generator` in it, as exports have them.
    ///   - generator: the generator's folder.
    ///   - tokenizer: a tokenizer.json in place of the folder's.
    ///   - settings: `key=value` each, over what the folders say.
    ///   - progress: told the share of the weights that has been read.
    /// - Throws: `ImportError`, `SafetensorsError`, `TorchFileError`, `TokenizerError`, `ConfigurationError`, `FileFailure`,
    ///   `MemoryShortage`.
    public init(
        _ folder: String, generator: String? = nil, tokenizer file: String? = nil, settings: [String] = [],
        progress: (Double) -> Void = { _ in }
    ) throws {
        let folders = Self.folders(folder, generator)
        tokenizer = try ImportedTokenizer(folder: folders.main, file: file)
        let vocabulary = tokenizer.tokenizer.vocabularySize
        main = try ImportedNetwork(folders.main, as: .discriminator, vocabularySize: vocabulary)
        self.generator = try folders.generator.map {
            try ImportedNetwork($0, as: .generator, vocabularySize: vocabulary)
        }
        if let generator = folders.generator, ImportedTokenizer.isIn(folder: generator) {
            if let difference = tokenizer.difference(from: try ImportedTokenizer(folder: generator)) {
                throw ImportError.otherTokenizer(folder: generator, difference)
            }
        }
        let model = try ImportedModel(main: main, generator: self.generator)
        configuration = try model.configuration(settings: settings)
        trainsTokenTypes = try model.trainsTokenTypes
        layout = TrainingEngine.model(configuration.engine, vocabularySize: vocabulary).layout
        let plan = try Self.plan(layout, model, seed: configuration.training.seed)
        try MachineLimits().check(
            "the model", bytes: layout.bufferCount * MemoryLayout<Float>.stride, advice: "import it on a larger machine"
        )
        weights = FloatBuffer(count: layout.bufferCount)
        if !plan.made.isEmpty {
            let pool = try ThreadPool.reserving(threadCount: 1)
            ParameterInitializer.initialize(weights, layout, seed: UInt64(configuration.training.seed), pool: pool)
            pool.shutDown()
        }
        report = plan
        try Self.fill(weights, layout, plan, model, progress: progress)
        origin = try Self.origin([main, self.generator].compactMap(\.self))
    }

    /// The folder itself, or the two in it, or the one in which sentence-transformers once put the encoder.
    private static func folders(_ folder: String, _ generator: String?) -> (main: String, generator: String?) {
        let folder = HomeFolder.expanded(folder) as NSString
        let generator = generator.map(HomeFolder.expanded)
        func within(_ name: String) -> String? {
            let path = folder.appendingPathComponent(name)
            return access((path as NSString).appendingPathComponent("config.json"), F_OK) == 0 ? path : nil
        }
        guard access(folder.appendingPathComponent("config.json"), F_OK) != 0 else {
            return (folder as String, generator)
        }
        guard let main = within("discriminator") else {
            return (within("0_Transformer") ?? folder as String, generator)
        }
        return (main, generator ?? within("generator"))
    }

    private static let heads = ["head.", "language_head.", "corrective.", "contrastive."]
    private static let zeros = "zeros: the folder has no token types, and zeros change nothing"

    /// What every parameter is made of.
    ///
    /// - Throws: `ImportError` where a part of an encoder has no source, or a source no place.
    private static func plan(_ layout: ParameterLayout, _ model: ImportedModel, seed: Int) throws -> ImportReport {
        var report = ImportReport()
        for spec in layout.specs {
            if let (network, tensor) = model.source(of: spec.name) {
                guard tensor.shape == spec.shape else {
                    throw ImportError.wrongShape(
                        path: network.files.path(of: tensor.sourceName), tensor.sourceName, expected: spec.shape,
                        found: tensor.shape)
                }
                report.taken.append(
                    ImportReport.Taken(
                        name: spec.name, shape: spec.shape, folder: network.folder, source: tensor.sourceName,
                        type: network.files.type(of: tensor.sourceName)?.rawValue ?? "",
                        remark: tensor.remark.isEmpty ? nil : tensor.remark))
                continue
            }
            guard let how = how(spec, model, seed: seed) else {
                throw ImportError.missingTensor(path: model.main.files.path, spec.name)
            }
            report.made.append(ImportReport.Made(name: spec.name, shape: spec.shape, how: how))
        }
        for name in model.names where layout[name] == nil {
            guard let (network, tensor) = model.source(of: name) else { continue }
            guard heads.contains(where: { name.hasPrefix("\(network.network.rawValue).\($0)") }) else {
                throw ImportError.unexpectedTensor(path: network.files.path(of: tensor.sourceName), tensor.sourceName)
            }
            report.left.append(
                ImportReport.Left(
                    folder: network.folder, name: tensor.sourceName,
                    shape: network.files.shape(of: tensor.sourceName) ?? [],
                    reason: "a head that the model's objective does not use; --set objective.name=… chooses another"))
        }
        for network in [model.main, model.generator].compactMap(\.self) {
            report.left += network.left.map {
                ImportReport.Left(folder: network.folder, name: $0.name, shape: $0.shape, reason: $0.reason)
            }
        }
        return report
    }

    /// How a parameter that no folder has is made; nil where it cannot be done without.
    private static func how(_ spec: ParameterSpec, _ model: ImportedModel, seed: Int) -> String? {
        if spec.name.hasSuffix("embeddings.token_type") { return zeros }
        let isOptional =
            heads.contains { spec.name.hasPrefix("discriminator.\($0)") || spec.name.hasPrefix("generator.\($0)") }
            || model.generator == nil && spec.name.hasPrefix("generator.")
        guard isOptional else { return nil }
        switch spec.initialization {
        case .zeros: return "zeros"
        case .ones: return "ones"
        case .truncatedNormal(let deviation): return "drawn, normal with deviation \(deviation), seed \(seed)"
        case .uniform(let bound): return "drawn, uniform within \(bound), seed \(seed)"
        }
    }

    private static func fill(
        _ weights: FloatBuffer, _ layout: ParameterLayout, _ report: ImportReport, _ model: ImportedModel,
        progress: (Double) -> Void
    ) throws {
        var done = 0
        for tensor in report.taken {
            try TerminationSignals.check()
            progress(Double(done) / Double(layout.parameterCount))
            guard let spec = layout[tensor.name] else { continue }
            try model.withValues(of: tensor.name) { values in
                for index in 0..<spec.count { weights.base[spec.offset + index] = values[index] }
            }
            done += spec.count
        }
        for tensor in report.made where tensor.how == zeros {
            guard let spec = layout[tensor.name] else { continue }
            (weights.base + spec.offset).update(repeating: 0, count: spec.count)
        }
    }

    private static func origin(_ networks: [ImportedNetwork]) throws -> String {
        try networks.map { network in
            let files = try network.files.files.map { path in
                "\((path as NSString).lastPathComponent) of SHA-256 \(try FileDigest.sha256(path: path, blocks: nil))"
            }
            let name = (network.folder as NSString).lastPathComponent
            return "\(network.description.architecture ?? network.description.family.rawValue) \(name.quoted) "
                + "(\(files.joined(separator: ", ")))"
        }.joined(separator: " and ")
    }
}
