/// Why folders cannot be read as models of this engine.
public enum ImportError: Error, Equatable, CustomStringConvertible {
    /// There is no `config.json`: the path is not a model's folder.
    case noConfiguration(folder: String)
    /// `config.json` is not JSON, or describes a model that this engine does not have.
    case unsupported(path: String, String)
    /// There are no weights in a format that is read; what there is instead, if anything.
    case noWeights(folder: String, found: [String])
    /// The list of the files that the weights are divided into is not one, or not of these files.
    case malformedIndex(path: String, String)
    case missingTensor(path: String, String)
    /// A tensor within the encoder that its configuration does not account for: without it, the model would be another.
    case unexpectedTensor(path: String, String)
    case wrongShape(path: String, String, expected: [Int], found: [Int])
    /// Weights that are not floating-point numbers.
    case wrongType(path: String, String, found: String)
    case nonFinite(path: String, String, index: Int)
    /// The output table is not the word table, and the configuration says that it is.
    case untiedOutput(path: String, String)
    /// The two folders differ where this engine has one value for both.
    case sharedPartDiffers(String)
    case noTokenizer(folder: String)
    case otherTokenizer(folder: String, String)
    case vocabularyTooSmall(path: String, rows: Int, tokenizer: Int)
    /// A setting that was asked for is not that of the weights.
    case unsuitableSetting(String)

    public var description: String {
        switch self {
        case .noConfiguration(let folder):
            "\(folder): no config.json here; name a folder as save_pretrained of transformers writes it, or one that holds "
                + "such folders as discriminator and generator"
        case .unsupported(let path, let problem): "\(path): \(problem)"
        case .noWeights(let folder, let found):
            "\(folder) has neither model.safetensors nor pytorch_model.bin"
                + (found.isEmpty ? "" : ", but \(found.joined(separator: ", "))")
                + "; load the model with transformers and save it again with save_pretrained to get one"
        case .malformedIndex(let path, let problem): "\(path): \(problem)"
        case .missingTensor(let path, let name): "\(path) lacks the tensor \(name)"
        case .unexpectedTensor(let path, let name):
            "\(path) holds the tensor \(name.quoted) within its encoder, which its config.json does not account for: the model "
                + "is another than it says"
        case .wrongShape(let path, let name, let expected, let found):
            "\(path): the tensor \(name) has the shape \(found), and config.json asks for \(expected)"
        case .wrongType(let path, let name, let found):
            "\(path): the tensor \(name) holds \(found), not floating-point numbers; of a quantized model, take the one that "
                + "it was made from"
        case .nonFinite(let path, let name, let index):
            "\(path): element \(index) of the tensor \(name) is not a finite number: the model is broken"
        case .untiedOutput(let path, let name):
            "\(path): \(name) differs from the word embeddings, and config.json says that they are tied "
                + "(tie_word_embeddings)"
        case .sharedPartDiffers(let what):
            "both networks have one value here, and the folders differ in \(what); leave --generator out to have a generator "
                + "made anew when training goes on"
        case .noTokenizer(let folder):
            "\(folder) has neither tokenizer.json nor vocab.txt; name the one that its weights were trained with (pretrain import "
                + "--tokenizer), or load the folder with AutoTokenizer and save it again with save_pretrained, which writes one"
        case .otherTokenizer(let folder, let what):
            "\(folder): its tokenizer is not that of the other folder (\(what)); both networks must read the same tokens"
        case .vocabularyTooSmall(let path, let rows, let tokenizer):
            "\(path): the model has \(rows) word embeddings, and the tokenizer \(tokenizer) tokens: they do not belong together (a new "
                + "vocabulary is for a run: pretrain run --from FOLDER --tokenizer NEW)"
        case .unsuitableSetting(let problem): problem
        }
    }
}
