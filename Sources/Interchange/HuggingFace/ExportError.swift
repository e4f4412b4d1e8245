/// Why a model cannot be written as Hugging Face folders.
public enum ExportError: Error, Equatable, CustomStringConvertible {
    /// The model has norms before branches, which `ElectraModel` lacks; the final norm gives them away.
    case notPostNormalized(parameter: String)
    /// A setting whose effect the classes cannot have: what they have instead, and the setting that means it.
    case notExpressible(setting: String, String, instead: String)
    /// The same of the DeBERTa-v2 classes.
    case notDeberta(setting: String, String, instead: String)
    /// A fine-tuned head under DeBERTa-v2's classes.
    case debertaClassifier
    case adapters
    /// Which blocks are drawn depends on the length of the text, and is known to the engine alone.
    case randomBlocks
    /// The model has no table of learned positions, which `ElectraModel` needs.
    case noLearnedPositions
    case missingParameter(String)
    /// A parameter that has no place in `ElectraModel`, so that leaving it out would change the model.
    case unexpectedParameter(String)
    case wrongShape(String, expected: [Int], found: [Int])
    case nonFinite(String, index: Int)
    case invalidShape(String)
    case noNetworks
    case invalidMultipliers(ElectraNetwork, ExportMultipliers)
    case malformedTokenizer(String)
    case missingSpecialTokens([String])
    case tokenizerTooLarge(largestID: Int, vocabularySize: Int)
    case folderNotEmpty(String)
    case folderHoldsOtherFiles(String, [String])

    public var description: String {
        switch self {
        case .notPostNormalized(let parameter):
            "Hugging Face's ELECTRA classes only know Post-LN, and this model has \(parameter), which Pre-LN and "
                + "its relatives bring; export it with --form custom-code"
        case .notExpressible(let setting, let lack, let instead):
            "Hugging Face's ELECTRA classes \(lack), so a model with \(setting) has no such form; export it with --form "
                + "custom-code, or train one with \(instead)"
        case .notDeberta(let setting, let lack, let instead):
            "Hugging Face's DeBERTa-v2 classes \(lack), so a model with \(setting) has no such form; export it with --form "
                + "custom-code, or train one with \(instead)"
        case .adapters:
            "no class here has a place for adapters; use the model with predict, or train one without training.adapter_size"
        case .debertaClassifier:
            "a fine-tuned model has no form of Hugging Face's DeBERTa-v2 classes; export it with --form automatic, or the "
                + "pretrained model with --form deberta"
        case .randomBlocks:
            "attention.pattern: big_bird draws blocks by random numbers that only this engine makes, so the model cannot be "
                + "exported; go on with its checkpoint"
        case .noLearnedPositions:
            "Hugging Face's ELECTRA classes only know learned positions, and this model has none "
                + "(embeddings.position); export it with --form custom-code"
        case .missingParameter(let name): "the model has no parameter \(name)"
        case .unexpectedParameter(let name):
            "Hugging Face's ELECTRA classes have no place for the parameter \(name.quoted)"
        case .wrongShape(let name, let expected, let found):
            "the parameter \(name) has the shape \(found) instead of \(expected)"
        case .nonFinite(let name, let index):
            "element \(index) of the parameter \(name) is not a finite number: the model is broken"
        case .invalidShape(let problem): "the model cannot be exported: \(problem)"
        case .noNetworks: "there is neither a discriminator nor a generator to export"
        case .invalidMultipliers(let network, let multipliers):
            "the multipliers of the \(network.rawValue) (attention \(multipliers.attention), output "
                + "\(multipliers.output)) must be finite and not zero"
        case .malformedTokenizer(let problem): "tokenizer.json cannot be exported: \(problem)"
        case .missingSpecialTokens(let names):
            "tokenizer.json does not list \(names.joined(separator: ", ")) among its added_tokens"
        case .tokenizerTooLarge(let id, let size):
            "tokenizer.json has the id \(id), and the model has only \(size) embeddings: they do not belong together"
        case .folderNotEmpty(let path): "\(path) is not empty; choose another folder or use --force to replace it"
        case .folderHoldsOtherFiles(let path, let names):
            "\(path) holds things that no export has written, which replacing it would delete: "
                + names.prefix(5).map(\.quoted).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
        }
    }
}
