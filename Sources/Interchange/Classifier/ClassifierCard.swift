import Foundation

/// `README.md` of an exported classifier: how it is loaded, and what comes out.
struct ClassifierCard {
    let architecture: String
    /// Whether the folder brings the code of its classes along.
    let hasCode: Bool
    let maximumLength: Int
    /// Empty where the output is a number.
    let labels: [String]
    /// Whether pairs mean the same in both orders.
    let isSymmetric: Bool

    var contents: Data {
        let arguments = hasCode ? "\"FOLDER\", trust_remote_code=True" : "\"FOLDER\""
        let outputs =
            labels.isEmpty
            ? "The one logit is the number itself."
            : "The softmax of the logits is the probability of each class, which `model.config.id2label` names."
        let order =
            isSymmetric
            ? "\nPairs mean the same in both orders: take the mean of both, as it was evaluated.\n" : ""
        return Data(
            """
            ---
            library_name: transformers
            pipeline_tag: text-classification
            ---
            # A classifier of texts
            Fine-tuned and exported with pretrain. `\(architecture)`.

                from transformers import AutoModelForSequenceClassification, AutoTokenizer
                model = AutoModelForSequenceClassification.from_pretrained(\(arguments))
                tokenizer = AutoTokenizer.from_pretrained(\(arguments))
                logits = model(**tokenizer(["a text"], truncation=True, padding=True, return_tensors="pt")).logits

            \(outputs) Of texts longer than \(maximumLength) tokens `truncation=True` cuts the end, as in training; of pairs the
            end of the longer text.
            \(order)
            """.utf8)
    }
}
