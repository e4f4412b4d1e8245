import Foundation

/// `README.md` of an exported fine-tuned model: how it is loaded, and what comes out.
struct ClassifierCard {
    let head: ClassifierHead
    let pooling: Classifier.Pooling
    let architecture: String
    /// Whether the folder brings the code of its classes along.
    let hasCode: Bool
    let maximumLength: Int
    /// Whether pairs mean the same in both orders.
    let isSymmetric: Bool
    let answers: Classifier.AnswerSearch
    /// Whether longer texts were read in windows when it was judged.
    let readsWindows: Bool
    let history: ModelHistory

    private var title: String {
        switch head {
        case .classes, .labels, .number: "A classifier of texts"
        case .tokens: "A classifier of words"
        case .span: "A finder of answers"
        case .choice: "A chooser among endings"
        case .vectors: "Vectors of texts"
        }
    }

    private var loading: String {
        let arguments = hasCode ? "\"FOLDER\", trust_remote_code=True" : "\"FOLDER\""
        if head == .vectors {
            return """
                from sentence_transformers import SentenceTransformer
                    model = SentenceTransformer(\(arguments))
                """
        }
        return """
            from transformers import AutoModel\(head.classEnding), AutoTokenizer
                model = AutoModel\(head.classEnding).from_pretrained(\(arguments))
                tokenizer = AutoTokenizer.from_pretrained(\(arguments))
            """
    }

    /// What is given to the tokenizer, and what of the result is kept.
    private var call: String {
        switch head {
        case .classes, .labels, .number, .tokens:
            "logits = model(**tokenizer([\"a text\"], truncation=True, padding=True, return_tensors=\"pt\")).logits"
        case .vectors:
            """
            vectors = model.encode(["a text", "another"])
                model.similarity(vectors, vectors)
            """
        case .span:
            answerSearch
        case .choice:
            """
            batch = tokenizer(["a beginning"] * 2, ["one ending", "another"], truncation=True, padding=True, return_tensors="pt")
                logits = model(**{name: values[None] for name, values in batch.items()}).logits
            """
        }
    }

    /// Contexts that are longer than the model are read in windows, and the best answer of all of them is taken: what `predict`
    /// does, up to where the windows lie.
    private var answerSearch: String {
        let overlap = min(answers.overlap ?? maximumLength / 4, maximumLength / 4)
        let score = answers.threshold == 0 ? "score" : "score + \(answers.threshold)"
        let condition = answers.mayDecline ? " if \(score) >= none else \"\"" : ""
        return """
            question, context = "a question", "a context"
                batch = tokenizer(
                    question, context, truncation="only_second", max_length=\(maximumLength), stride=\(overlap),
                    padding=True, return_overflowing_tokens=True, return_offsets_mapping=True, return_tensors="pt")
                offsets = batch.pop("offset_mapping").tolist()
                batch.pop("overflow_to_sample_mapping")
                outputs = model(**batch)
                start, end = outputs.start_logits.tolist(), outputs.end_logits.tolist()
                spans = []
                for window in range(len(start)):
                    inside = [i for i, part in enumerate(batch.sequence_ids(window)) if part == 1]
                    spans += [
                        (start[window][i] + end[window][j], offsets[window][i][0], offsets[window][j][1])
                        for i in inside for j in inside if i <= j < i + \(answers.longest)]
                score, first, last = max(spans)
                none = min(start[window][0] + end[window][0] for window in range(len(start)))
                answer = context[first:last].strip()\(condition)
            """
    }

    private var outputs: String {
        switch head {
        case .classes:
            "The softmax of the logits is the probability of each class, which `model.config.id2label` names."
        case .labels:
            "The sigmoid of each logit is the probability of a label, which `model.config.id2label` names."
        case .number: "The one logit is the number itself."
        case .tokens:
            "The softmax of a token's logits is the probability of each class, which `model.config.id2label` names; that of a word's "
                + "first token that is more than a space is the word's."
        case .span:
            "The answer is the part of the context with the highest sum of its first token's `start_logits` and its last token's "
                + "`end_logits`, in any window"
                + (answers.mayDecline ? ", or nothing where the first token, [CLS], has a higher sum in each." : ".")
        case .choice: "The softmax of the logits is the probability of each ending."
        case .vectors:
            "A vector is \(pooling == .mean ? "the mean of the states of all tokens, [CLS] and [SEP] included," : "the state of [CLS]") "
                + "after the last layer, divided by its length: scalar products tell how alike texts are."
        }
    }

    private var length: String {
        switch head {
        case .vectors: "Of texts longer than \(maximumLength) tokens the end is cut, as in training."
        case .span:
            "It was trained on windows of up to \(maximumLength) tokens over the context, and the code above reads such windows."
        case .tokens where readsWindows:
            "Texts longer than \(maximumLength) tokens were judged in windows, of which each word counts in the one with most context "
                + "around it; `truncation=True` cuts the end instead, and says nothing of its words."
        case _ where readsWindows:
            "Texts longer than \(maximumLength) tokens were trained and judged in overlapping windows, whose logits are averaged "
                + "(`truncation=True, stride=\(answers.overlap ?? maximumLength / 4), return_overflowing_tokens=True` makes such windows); without them "
                + "`truncation=True` reads the beginning alone, which scores otherwise."
        default:
            "Of texts longer than \(maximumLength) tokens `truncation=True` cuts the end, as in training; of pairs the end of the "
                + "longer text."
        }
    }

    var contents: Data {
        let order =
            isSymmetric && head != .vectors
            ? "\nPairs mean the same in both orders: take the mean of both, as it was evaluated.\n" : ""
        return Data(
            """
            \(head == .vectors
                ? history.frontMatter(
                    tags: ["pretrain", "sentence-transformers"], task: head.pipeline, library: "sentence-transformers")
                : history.frontMatter(tags: ["pretrain"], task: head.pipeline))\
            # \(title)
            \(ModelCard.fineTunedMark) `\(architecture)`.

                \(loading)
                \(call)

            \(outputs) \(length)
            \(order)
            \(history.sections)
            """.utf8)
    }
}
