import Configuration
import Encoder
import Objectives
import Optimization

extension RunConfiguration {
    /// Refuses combinations of objective, model and optimizer that contradict one another, and says why.
    func validateObjective() throws {
        if objective.name.prediction == .simplified, model.embeddingSize != model.hiddenSize {
            throw InvalidSetting(
                "model.embedding_size",
                "\(objective.name.rawValue) predicts tokens with the word table straight from hidden states, so "
                    + "model.embedding_size (\(model.embeddingSize)) must equal model.hidden_size (\(model.hiddenSize))"
            )
        }
        if !objective.hasGenerator {
            let reason =
                objective.replacements == .random
                ? "replacements: random has no generator" : "\(objective.name.rawValue) has no generator"
            if model.embeddingSharing != .shared {
                throw InvalidSetting(
                    "model.embedding_sharing", "\(reason) to share with or to keep apart from; leave it at shared")
            }
            if objective.generatorWeight != ObjectiveConfiguration().generatorWeight {
                throw InvalidSetting("objective.generator_weight", "\(reason); leave it out")
            }
        }
        if objective.replacements == .frozen, objective.generatorWeight != ObjectiveConfiguration().generatorWeight {
            throw InvalidSetting(
                "objective.generator_weight", "a frozen generator has no loss that is minimised; leave it out")
        }
        if !objective.trainsGenerator, optimizer.separate {
            throw InvalidSetting(
                "optimizer.separate", "only one network is trained, so there is one optimizer; leave it at false")
        }
        if objective.replacements == .frozen, [.shared, .tokenOnly].contains(model.embeddingSharing) {
            throw InvalidSetting(
                "model.embedding_sharing",
                "\(model.embeddingSharing.rawValue) would let the discriminator train the frozen generator's embeddings; "
                    + "choose separate or disentangled")
        }
        if !objective.name.detects, !objective.name.isGated, model.detectionHead != .dense {
            throw InvalidSetting(
                "model.detection_head",
                "\(objective.name.rawValue) detects nothing and has no such head; leave it at dense")
        }
        if objective.contrast > 0, training.chunkTokens < 2 * corpus.sequenceLength {
            throw InvalidSetting(
                "training.chunk_tokens",
                "\(training.chunkTokens) hold one sequence of \(corpus.sequenceLength), and the contrastive loss compares "
                    + "those of a chunk; raise it to several times corpus.sequence_length, or set "
                    + "objective.contrastive_weight to 0")
        }
        if objective.contrast > 0, training.sequencesPerStep < 2 * engine.laneCount {
            throw InvalidSetting(
                "training.lanes",
                "\(engine.laneCount) have one sequence each of \(training.sequencesPerStep), and the contrastive loss compares those "
                    + "of a lane; lower it to half at most, or set objective.contrastive_weight to 0")
        }
    }
}
