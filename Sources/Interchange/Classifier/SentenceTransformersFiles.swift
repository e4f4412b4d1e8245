import Foundation

/// What makes a folder of Hugging Face's one that `SentenceTransformer(FOLDER)` loads: after the encoder come pooling and division
/// by the length. Names and keys are those of sentence-transformers 2 to 5, which later versions read too.
struct SentenceTransformersFiles {
    let pooling: Classifier.Pooling
    /// Numbers of a vector.
    let width: Int
    /// Tokens of a text, special ones included.
    let maximumLength: Int

    private static let pooled = "1_Pooling"
    private static let normalized = "2_Normalize"

    /// Files and folders beside those that every model has.
    static let entries: Set = [
        "modules.json", "sentence_bert_config.json", "config_sentence_transformers.json", pooled, normalized,
    ]

    private struct Module: Encodable {
        var idx: Int
        var name: String
        var path: String
        var type: String

        init(_ idx: Int, path: String, _ type: String) {
            (self.idx, name, self.path) = (idx, "\(idx)", path)
            self.type = "sentence_transformers.models.\(type)"
        }
    }

    private struct PoolingSettings: Encodable {
        var wordEmbeddingDimension: Int
        var poolingModeClsToken: Bool
        var poolingModeMeanTokens: Bool
        var poolingModeMaxTokens = false
        var poolingModeMeanSqrtLenTokens = false
        var poolingModeWeightedmeanTokens = false
        var poolingModeLasttoken = false
        var includePrompt = true
    }

    private struct Settings: Encodable {
        var maxSeqLength: Int
        var doLowerCase = false
    }

    private struct Library: Encodable {
        var prompts: [String: String] = [:]
        var defaultPromptName: String?
        var similarityFnName = "cosine"
    }

    /// By name.
    func files() throws -> [(name: String, contents: Data)] {
        let modules = [
            Module(0, path: "", "Transformer"), Module(1, path: Self.pooled, "Pooling"),
            Module(2, path: Self.normalized, "Normalize"),
        ]
        let settings = PoolingSettings(
            wordEmbeddingDimension: width, poolingModeClsToken: pooling == .first,
            poolingModeMeanTokens: pooling == .mean)
        return [
            ("modules.json", try modules.jsonFile()),
            ("sentence_bert_config.json", try Settings(maxSeqLength: maximumLength).jsonFile(.convertToSnakeCase)),
            ("config_sentence_transformers.json", try Library().jsonFile(.convertToSnakeCase)),
            ("\(Self.pooled)/config.json", try settings.jsonFile(.convertToSnakeCase)),
            // A folder of its own, which an archive would lose if there were nothing in it.
            ("\(Self.normalized)/config.json", Data("{}\n".utf8)),
        ]
    }
}
