import Files
import Foundation
import Tokenization

/// A folder's tokenizer: the one place where a model that comes in meets the tokenizers that this program has.
public struct ImportedTokenizer: Sendable {
    /// Contents of `tokenizer.json`, as they are, or what is made of an old folder's `vocab.txt`.
    public let json: Data
    public let tokenizer: Tokenizer
    /// The file.
    public let path: String

    /// - Parameters:
    ///   - folder: of the model.
    ///   - file: a tokenizer.json, or a folder with one, elsewhere; nil for the folder's own.
    /// - Throws: `ImportError.noTokenizer`, `TokenizerError` for one that this program does not have or that lacks a special
    ///   token.
    public init(folder: String, file: String? = nil) throws {
        guard file != nil || Self.isIn(folder: folder) else {
            throw ImportError.noTokenizer(folder: folder)
        }
        path = file.map(HomeFolder.expanded) ?? folder
        tokenizer = try Tokenizer(contentsOf: path)
        json = Data(tokenizer.serialized())
        do {
            _ = try tokenizer.specialTokens
        } catch {
            throw TokenizerError.inFile(path: path, error)
        }
    }

    /// Whether a folder has a tokenizer of its own.
    static func isIn(folder: String) -> Bool {
        ["tokenizer.json", "vocab.txt"].contains {
            access((folder as NSString).appendingPathComponent($0), F_OK) == 0
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
