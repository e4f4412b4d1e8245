import Foundation

/// `README.md` of an exported folder: how it is loaded, and what whoever fine-tunes it must know.
struct ModelCard {
    static let fileName = "README.md"

    /// Name of the folder: discriminator or generator.
    let network: String
    let architecture: String
    /// Whether the folder brings the code of its classes along.
    let hasCode: Bool
    let maximumLength: Int
    /// Whether token type 1 has been trained on sentence pairs.
    let trainsTokenTypes: Bool

    var contents: Data {
        let arguments = hasCode ? "\"FOLDER\", trust_remote_code=True" : "\"FOLDER\""
        let types =
            trainsTokenTypes
            ? """
            Trained on single texts, `[CLS] A [SEP]`, and on pairs, `[CLS] A [SEP] B [SEP]` with token types 0 and 1; what the
            tokenizer makes of two texts is what the model has seen.
            """
            : """
            Trained on single texts alone, `[CLS] A [SEP]`: a [SEP] in the middle and token type 1 were never seen. So that pairs
            can be fine-tuned all the same, the vector of type 1 is a copy of that of type 0; what tells the second text from the
            first has to be learned then. (Training with `corpus.pairs: true` teaches both.)
            """
        return Data(
            """
            ---
            library_name: transformers
            ---
            # \(network)
            Trained and exported with pretrain. `\(architecture)`\
            \(network == "discriminator" ? ": the encoder to fine-tune." : ", which predicts masked tokens.")

                from transformers import AutoModel, AutoTokenizer
                model = AutoModel.from_pretrained(\(arguments))
                tokenizer = AutoTokenizer.from_pretrained(\(arguments))

            Sequences of at most \(maximumLength) tokens.

            ## Pairs of texts
            \(types)

            """.utf8)
    }
}

/// The table of token types as it is exported.
enum TokenTypes {
    /// - Parameter table: `[types, width]`.
    /// - Returns: the table, or type 0 in place of all types that no text has trained.
    static func exported(_ table: UnsafeBufferPointer<Float>, width: Int, areTrained: Bool) -> [Float] {
        areTrained ? Array(table) : table.indices.map { table[$0 % width] }
    }
}
