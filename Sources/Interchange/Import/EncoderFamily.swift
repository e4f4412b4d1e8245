/// Hugging Face's encoders that this engine can go on from.
enum EncoderFamily: String, Sendable {
    case electra
    case bert
    case roberta
    case deberta = "deberta-v2"
    /// Exported by this program with the code of its classes.
    case engine = "pretrain"

    init?(modelType: String) {
        switch modelType {
        // RoBERTa's class under other names.
        case "xlm-roberta", "camembert": self = .roberta
        default: self.init(rawValue: modelType)
        }
    }

    /// By the name of a class, such as `BertForPreTraining`.
    init?(architecture: String) {
        let names: [(String, EncoderFamily)] = [
            ("Electra", .electra), ("Bert", .bert), ("Roberta", .roberta), ("XLMRoberta", .roberta),
            ("Camembert", .roberta), ("DebertaV2", .deberta),
        ]
        guard
            let family = names.first(where: { name, _ in
                architecture.hasPrefix("\(name)For") || architecture == "\(name)Model"
            })?.1
        else { return nil }
        self = family
    }

    /// What names of the encoder's tensors begin with where it is part of a model with a head.
    var nesting: String {
        switch self {
        case .electra: "electra."
        case .bert: "bert."
        case .roberta: "roberta."
        case .deberta: "deberta."
        case .engine: "encoder."
        }
    }

    /// What the classes of `transformers` take where `config.json` leaves something out.
    var defaults: EncoderDefaults {
        switch self {
        case .electra, .engine:
            EncoderDefaults(
                vocabulary: 30522, hidden: 256, layers: 12, heads: 4, intermediate: 1024, epsilon: 1e-12, types: 2)
        case .bert:
            EncoderDefaults(
                vocabulary: 30522, hidden: 768, layers: 12, heads: 12, intermediate: 3072, epsilon: 1e-12, types: 2)
        case .roberta:
            EncoderDefaults(
                vocabulary: 50265, hidden: 768, layers: 12, heads: 12, intermediate: 3072, epsilon: 1e-12, types: 2)
        case .deberta:
            EncoderDefaults(
                vocabulary: 128_100, hidden: 1536, layers: 24, heads: 24, intermediate: 6144, epsilon: 1e-7, types: 0)
        }
    }
}

struct EncoderDefaults {
    var vocabulary: Int
    var hidden: Int
    var layers: Int
    var heads: Int
    var intermediate: Int
    var epsilon: Double
    var types: Int
}
