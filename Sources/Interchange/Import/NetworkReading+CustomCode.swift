import Encoder
import Parametrization

/// Folders that this program has exported with the code of their classes: `NetworkParameters` read backwards. Multipliers of
/// muP become part of the weights, as in every exported form that knows none.
extension NetworkReading {
    private var isWithinModel: Bool { description.architecture != CustomCodeArchitecture.encoder.rawValue }

    /// All tensors but the head's; whether they are those of the settings shows when they are put into place.
    mutating func engine() throws {
        guard let name = description.architecture, CustomCodeArchitecture(rawValue: name) != nil else {
            throw ImportError.unsupported(
                path: files.path, "architectures names no class of \(CustomCodeExport.codeFile)")
        }
        nesting = isWithinModel ? description.family.nesting : ""
        for name in files.names where isWithinModel ? name.hasPrefix(nesting) : !name.hasPrefix("head.") {
            let own = String(name.dropFirst(nesting.count))
            let isEmbedding = own.hasPrefix("embeddings.")
            let engineName = Self.engineName(own, isTable: isEmbedding)
            try put(isEmbedding ? engineName : "\(network.rawValue).\(engineName)", name)
        }
    }

    mutating func engineDetectionHead() throws -> DetectionHeadKind? {
        guard description.architecture == CustomCodeArchitecture.replacedTokenDetection.rawValue else { return nil }
        try engineHead("head")
        return description.model.detectionHead
    }

    mutating func engineLanguageHead() throws -> (isThere: Bool, isTied: Bool) {
        guard description.architecture == CustomCodeArchitecture.maskedLanguageModel.rawValue else {
            return (false, true)
        }
        if network == .discriminator, !description.tiesOutput { return (false, true) }
        try engineHead(network == .generator ? "head" : "language_head")
        return (true, description.tiesOutput)
    }

    private mutating func engineHead(_ head: String) throws {
        for name in files.names where name.hasPrefix("head.") {
            let own = Self.engineName(String(name.dropFirst("head.".count)), isTable: false)
            try put("\(network.rawValue).\(head).\(own)", name)
        }
    }

    /// Norms have a gain here, and tables no `weight`.
    private static func engineName(_ name: String, isTable: Bool) -> String {
        guard name.hasSuffix(".weight") else { return name }
        let stem = String(name.dropLast(".weight".count))
        if stem.hasSuffix("norm") { return stem + ".gain" }
        return isTable ? stem : name
    }

    private mutating func put(_ engineName: String, _ name: String) throws {
        guard let shape = files.shape(of: name) else { throw ImportError.missingTensor(path: files.path, name) }
        let hasVocabulary =
            engineName == "embeddings.word" || engineName.hasSuffix("head.bias")
            || engineName.hasSuffix("head.output.weight")
        if hasVocabulary, shape.first == description.vocabularySize, description.vocabularySize > 1 {
            try rows(engineName, name, shape, taking: 0..<vocabularySize)
        } else {
            try take(engineName, name, shape)
        }
        let factor = factor(engineName)
        if factor != 1 { scale(engineName, by: factor) }
    }

    /// What a tensor takes over of the multipliers that the folder's code has.
    private func factor(_ engineName: String) -> Double {
        // Normalized queries lose whatever their projection is multiplied by.
        if description.model.attention.queryKeyNorm, engineName.contains(".attention.query.") { return 1 }
        if engineName.hasSuffix(".attention.query_gain") { return description.attentionMultiplier }
        if engineName.contains(".attention.query.") || engineName.contains(".attention.global_query.") {
            return description.attentionMultiplier
        }
        if engineName == "discriminator.head.output.weight" { return description.outputMultiplier }
        let norms = ["generator.head.norm.", "discriminator.language_head.norm."]
        return norms.contains(where: engineName.hasPrefix) ? description.outputMultiplier : 1
    }
}
