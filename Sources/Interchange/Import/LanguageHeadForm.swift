/// Where a family keeps its head that predicts masked tokens: dense layer, norm, output table and bias.
struct LanguageHeadForm {
    var dense: String
    var norm: String
    var output: String
    var bias: String
    /// Another name of the bias.
    var outputBias: String

    /// What all names of the head begin with.
    var all: [String] { [dense, norm, output, bias, outputBias] }

    static func of(_ family: EncoderFamily) -> [LanguageHeadForm] {
        let bert = LanguageHeadForm(
            dense: "cls.predictions.transform.dense", norm: "cls.predictions.transform.LayerNorm",
            output: "cls.predictions.decoder.weight", bias: "cls.predictions.bias",
            outputBias: "cls.predictions.decoder.bias")
        switch family {
        case .electra:
            return [
                LanguageHeadForm(
                    dense: "generator_predictions.dense", norm: "generator_predictions.LayerNorm",
                    output: "generator_lm_head.weight", bias: "generator_lm_head.bias",
                    outputBias: "generator_lm_head.bias")
            ]
        case .bert: return [bert]
        case .roberta:
            return [
                LanguageHeadForm(
                    dense: "lm_head.dense", norm: "lm_head.layer_norm", output: "lm_head.decoder.weight",
                    bias: "lm_head.bias", outputBias: "lm_head.decoder.bias")
            ]
        case .deberta:
            return [
                bert,
                LanguageHeadForm(
                    dense: "lm_predictions.lm_head.dense", norm: "lm_predictions.lm_head.LayerNorm",
                    output: "lm_predictions.lm_head.weight", bias: "lm_predictions.lm_head.bias",
                    outputBias: "lm_predictions.lm_head.bias"),
            ]
        case .engine: return []
        }
    }
}
