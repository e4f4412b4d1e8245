import Files
import Foundation

/// A folder that Hugging Face's `from_pretrained` reads: `config.json`, `model.safetensors`, the tokenizer's files and a model
/// card, `README.md`.
enum ModelFolder {
    /// All that an export writes into it.
    static let entries: Set = [
        "config.json", "model.safetensors", ModelCard.fileName, "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json", CustomCodeExport.codeFile,
    ]

    /// - Parameters:
    ///   - parent: the folder to create it in.
    ///   - configuration: contents of `config.json`.
    ///   - card: contents of the model card.
    ///   - others: more files, by name.
    ///   - weights: writes a file of weights to the path that it is given.
    static func write(
        named name: String, in parent: String, configuration: Data, card: Data, _ tokenizer: TokenizerFiles,
        others: [(name: String, contents: Data)] = [], weights: (_ path: String) throws -> Void
    ) throws {
        let path = (parent as NSString).appendingPathComponent(name)
        try create(path)
        try fill(path, configuration: configuration, card: card, tokenizer, others: others, weights: weights)
    }

    private static func create(_ folder: String) throws {
        _ = try Files.check("create", folder) { mkdir(folder, 0o755) }
    }

    /// - Parameters:
    ///   - path: of an empty folder.
    ///   - others: more files, by name, each alone in its folder if the name has one; the rest as above.
    static func fill(
        _ path: String, configuration: Data, card: Data, _ tokenizer: TokenizerFiles,
        others: [(name: String, contents: Data)], weights: (_ path: String) throws -> Void
    ) throws {
        let files = [("config.json", configuration), (ModelCard.fileName, card)] + others + tokenizer.files
        for (name, contents) in files {
            if let folder = name.split(separator: "/").dropLast().first {
                try Self.create((path as NSString).appendingPathComponent(String(folder)))
            }
            try FileDescriptor.write(contents, to: (path as NSString).appendingPathComponent(name))
        }
        try weights((path as NSString).appendingPathComponent("model.safetensors"))
    }
}

extension [MappedTensor] {
    /// Writes the tensors under their Hugging Face names, with the multipliers that these models lack folded in.
    ///
    /// - Throws: `ExportError.nonFinite` for a broken model, and what reading and writing throw.
    func write(
        from source: some NamedTensors, _ multipliers: ExportMultipliers, to path: String, as type: ElementType
    ) throws {
        let writer = try SafetensorsWriter(path: path, tensors: map { ($0.huggingFaceName, type, $0.shape) })
        for tensor in self {
            let factor = multipliers[tensor.multiplier]
            try source.withValues(of: tensor.engineName) { values in
                if let index = values.firstIndex(where: { !$0.isFinite }) {
                    throw ExportError.nonFinite(tensor.engineName, index: index)
                }
                if factor == 1 { return try writer.append(rounding: values) }
                let folded = values.map { Float(Double($0) * factor) }
                if let index = folded.firstIndex(where: { !$0.isFinite }) {
                    throw ExportError.nonFinite(tensor.engineName, index: index)
                }
                try folded.withUnsafeBufferPointer { try writer.append(rounding: $0) }
            }
        }
        try writer.finish()
    }
}
