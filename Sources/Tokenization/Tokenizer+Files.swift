import Files
import Foundation

extension Tokenizer {
    /// Names that a folder's tokenizer may have, the best first.
    private static let fileNames = ["tokenizer.json", "vocab.txt"]

    /// Opens a tokenizer and finds out its kind (see `Kind`): a Hugging Face `tokenizer.json`; a `vocab.txt` of BERT, read as the
    /// `tokenizer_config.json` beside it says; or a folder that holds one of them.
    ///
    /// - Throws: `TokenizerError.file` when a file cannot be read; `.inFile` when it is not JSON, contradicts itself, or asks
    ///   for another kind of tokenizer.
    public convenience init(contentsOf path: String) throws(TokenizerError) {
        let file = try Self.file(at: HomeFolder.expanded(path))
        let bytes = try FileBytes.read(file)
        do throws(TokenizerError) {
            try self.init(json: file.hasSuffix(".txt") ? Self.json(vocabulary: bytes, at: file) : bytes)
        } catch {
            throw .inFile(path: file == HomeFolder.expanded(path) ? path : file, error)
        }
    }

    private static func json(vocabulary: [UInt8], at file: String) throws(TokenizerError) -> [UInt8] {
        let folder = (file as NSString).deletingLastPathComponent
        let settings = (folder as NSString).appendingPathComponent("tokenizer_config.json")
        let configuration = FileManager.default.fileExists(atPath: settings) ? try FileBytes.read(settings) : nil
        return try WordPieceVocabulary(vocabulary, configuration: configuration).json
    }

    /// The file that a path stands for.
    private static func file(at path: String) throws(TokenizerError) -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            return path
        }
        let paths = fileNames.map { (path as NSString).appendingPathComponent($0) }
        if let found = paths.first(where: FileManager.default.fileExists) { return found }
        throw .file(
            path: path,
            problem:
                "holds neither tokenizer.json nor vocab.txt; for other files, as spm.model or vocab.json, let transformers "
                + "write a tokenizer.json: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)")
    }
}
