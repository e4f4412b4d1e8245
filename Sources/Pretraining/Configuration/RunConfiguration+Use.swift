import Configuration
import Encoder

extension RunConfiguration {
    /// What goes by other groups; each group says the rest of its own settings.
    public var uses: [SettingUse] {
        let name = objective.name.rawValue
        let without = objective.replacements == .random ? "replacements: random" : name
        return [
            SettingUse(
                "training.steps", isRead: training.hours == nil,
                otherwise:
                    "is reckoned from training.hours, and not read beside it; set training.hours=null to give steps"),
            SettingUse(
                "model.generator", "parametrization.generator_base_hidden_size",
                "parametrization.generator_base_layer_count", "parametrization.generator_base_head_size",
                isRead: objective.hasGenerator, otherwise: "is for a generator, which \(without) does not have"),
            SettingUse(
                "model.generator.dropout", "model.generator.attention_dropout", isRead: objective.trainsGenerator,
                otherwise: "is for a generator that learns; a frozen one samples without dropout"),
            SettingUse(
                "model.initialization.zero_detection_output", isRead: objective.name.detects || objective.name.isGated,
                otherwise: "is for a detection head, which \(name) does not have"),
            SettingUse(
                "optimizer.shared_tensors", isRead: model.embeddingSharing != .separate,
                otherwise: "is for what both networks read, and model.embedding_sharing separate leaves nothing"),
        ]
    }
}
