import Files
import Foundation
import Tokenization

/// A folder's tokenizer: the one place where a model that comes in meets the tokenizers that this program has.
public struct ImportedTokenizer: Sendable {
    /// Contents of `tokenizer.json`, as they are.
    public let json: Data
    public let tokenizer: ByteLevelBPE
    /// The file.
    public let path: String

    private static let largestFile = 1 << 28

    /// - Parameters:
    ///   - folder: of the model.
    ///   - file: a tokenizer.json elsewhere; nil for the folder's own.
    /// - Throws: `ImportError.noTokenizer`, `TokenizerError` for one that this program does not have or that lacks a special
    ///   token, `FileFailure`.
    public init(folder: String, file: String? = nil) throws {
        let own = (folder as NSString).appendingPathComponent("tokenizer.json")
        path = file.map(HomeFolder.expanded) ?? own
        guard file != nil || access(own, F_OK) == 0 else { throw ImportError.noTokenizer(folder: folder) }
        json = try FileDescriptor.contents(of: path, limit: Self.largestFile)
        do {
            tokenizer = try ByteLevelBPE(json: Array(json))
            _ = try tokenizer.specialTokens
        } catch {
            throw TokenizerError.inFile(path: path, error)
        }
    }

    /// How another folder's tokenizer differs in what it calls its tokens; nil where it does not.
    func difference(from other: ImportedTokenizer) -> String? {
        if json == other.json { return nil }
        let (mine, theirs) = (tokenizer, other.tokenizer)
        guard mine.vocabularySize == theirs.vocabularySize else {
            return "\(mine.vocabularySize) and \(theirs.vocabularySize) tokens"
        }
        for id in 0..<Int32(mine.vocabularySize) where mine.token(id) != theirs.token(id) {
            return "token \(id) is \(mine.token(id).quoted) and \(theirs.token(id).quoted)"
        }
        return nil
    }
}
