import Configuration
import Runs

extension RunConfiguration {
    /// What TensorBoard's HParams tab compares runs by: shape, batches, length, seed and the optimizer's settings.
    var hyperparameters: [Hyperparameter] {
        let chosen: Set = [
            "model.hidden_size", "model.layer_count", "model.head_count", "model.embedding_size", "model.dropout",
            "model.generator.width_multiplier", "model.generator.layer_count", "corpus.sequence_length",
            "training.steps", "training.batch_size", "training.accumulation_steps", "training.seed",
            "training.precision", "objective.name",
        ]
        let keys = (try? ConfigurationDocumentation(of: self).keys) ?? []
        // What is left to another setting has no value to compare.
        return keys.filter {
            $0.defaultValue != "null" && (chosen.contains($0.path) || $0.path.hasPrefix("optimizer."))
        }.map { key in
            let value: Hyperparameter.Value =
                switch key.defaultValue {
                case "true": .flag(true)
                case "false": .flag(false)
                default: Double(key.defaultValue).map { .number($0) } ?? .text(key.defaultValue)
                }
            return Hyperparameter(name: key.path, value: value)
        }
    }
}
