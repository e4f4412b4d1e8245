import Encoder
import Engine
import Objectives

extension TrainingEngine {
    /// Whether the main encoder is exported with its head that predicts tokens, as a masked language model: where it detects
    /// nothing, and predicts without a copy gate.
    var exportsLanguageHead: Bool {
        let objective = configuration.objective.name
        return objective.prediction == .transformed && !objective.isGated
            && hasLearned("discriminator.language_head.")
    }

    /// Whether a head has moved since it was made. An encoder that was imported without one has a head at its initial values,
    /// and exported again it has none.
    ///
    /// - Parameter head: what the names of its parameters begin with.
    func hasLearned(_ head: String) -> Bool {
        state.layout.specs.contains { spec in
            guard spec.name.hasPrefix(head) else { return false }
            let values = UnsafeBufferPointer(start: state.weights.base + spec.offset, count: spec.count)
            // Biases and norms tell; every head has some, and a step of training moves all of them.
            return switch spec.initialization {
            case .zeros: values.contains { $0 != 0 }
            case .ones: values.contains { $0 != 1 }
            case .truncatedNormal, .uniform: false
            }
        }
    }
}
