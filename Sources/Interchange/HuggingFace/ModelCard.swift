import Foundation

/// `README.md` of an exported folder: how it is loaded, what whoever fine-tunes it must know, and where it comes from.
struct ModelCard {
    static let fileName = "README.md"
    /// What tells a card of this program from others.
    static let mark = "Trained and exported with pretrain."
    /// The same of fine-tuned models.
    static let fineTunedMark = "Fine-tuned and exported with pretrain."

    /// Name of the folder: discriminator or generator.
    let network: String
    let architecture: String
    /// Whether the folder brings the code of its classes along.
    let hasCode: Bool
    let maximumLength: Int
    let settings: ExportSettings
    /// Parameters that the class has no place for.
    var leftOut: [String] = []

    private var predictsTokens: Bool { architecture.hasSuffix("ForMaskedLM") }

    private var role: String {
        if network == "generator" { return ", which predicts masked tokens." }
        return predictsTokens
            ? ": the encoder to fine-tune. `AutoModelForMaskedLM` loads it with its head, which predicts tokens."
            : ": the encoder to fine-tune."
    }

    private var omission: String {
        if leftOut.isEmpty { return "" }
        return "\n\nThe class has no place for these parameters of the checkpoint, which are left out: "
            + leftOut.map { "`\($0)`" }.joined(separator: ", ") + "."
    }

    var contents: Data {
        // The card of weights that were imported goes on with them, unless it is of another form.
        if let card = settings.cards[network], String(decoding: card, as: UTF8.self).contains("`\(architecture)`") {
            return card
        }
        let arguments = hasCode ? "\"FOLDER\", trust_remote_code=True" : "\"FOLDER\""
        let types =
            settings.trainsTokenTypes
            ? """
            Trained on single texts, `[CLS] A [SEP]`, and on pairs, `[CLS] A [SEP] B [SEP]` with token types 0 and 1; what the
            tokenizer makes of two texts is what the model has seen.
            """
            : """
            Trained on single texts alone, `[CLS] A [SEP]`: a [SEP] in the middle and token type 1 were never seen. So that pairs
            can be fine-tuned all the same, the vector of type 1 is a copy of that of type 0; what tells the second text from the
            first has to be learned then. (Training with `corpus.pairs: true` teaches both.)
            """
        let padding =
            hasCode
            ? "Batches may be padded on either side, with an `attention_mask`."
            : "Pad batches on the right, as the tokenizer does, with an `attention_mask`: positions are counted from the left."
        let text = """
            \(settings.history.frontMatter(tags: ["pretrain"], task: predictsTokens ? "fill-mask" : nil))\
            # \(network)
            \(Self.mark) `\(architecture)`\(role)\(omission)

                from transformers import AutoModel, AutoTokenizer
                model = AutoModel.from_pretrained(\(arguments))
                tokenizer = AutoTokenizer.from_pretrained(\(arguments))

            Sequences of at most \(maximumLength) tokens; `truncation=True` cuts longer texts to them, and without it they are an
            error. \(padding)

            ## Pairs of texts
            \(types)

            \(settings.history.sections)
            """
        return Data(text.utf8)
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
