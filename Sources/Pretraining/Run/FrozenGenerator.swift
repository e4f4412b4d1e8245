import Checkpoints
import Encoder
import Engine
import Foundation
import Kernels
import Machine
import Tokenization

/// Takes a generator out of another run's checkpoint (Fast-ELECTRA: Dong et al. 2023, arXiv 2310.07347).
package enum FrozenGenerator {
    /// Copies the generator's weights into an engine whose generator is frozen.
    ///
    /// - Parameter path: a checkpoint, or a run directory, which stands for its newest one.
    /// - Throws: `PretrainingError.unusableGenerator` where shapes or tokenizers differ; what reading throws.
    package static func load(_ path: String, into engine: TrainingEngine, tokenizer: Tokenizer) throws {
        let reader = try CheckpointReader(newestOf: path)
        let theirs = try Tokenizer(json: Array(try TrainingCheckpoint.tokenizer(reader)))
        guard theirs.serialized() == tokenizer.serialized() else {
            throw PretrainingError.unusableGenerator(
                path: reader.path,
                reason: "it has another tokenizer; set tokenizer.path to the tokenizer.json of that run")
        }
        let configuration = try TrainingCheckpoint.configuration(reader)
        let model = TrainingEngine.model(configuration.engine, vocabularySize: theirs.vocabularySize)
        let layout = model.layout
        try MachineLimits().check(
            "the frozen generator's run", bytes: ModelCost.bytes(4, layout.bufferCount),
            advice: "take a generator of a smaller model")
        guard configuration.objective.hasGenerator else {
            throw PretrainingError.unusableGenerator(path: reader.path, reason: "its run had no generator")
        }
        try check(
            engine.configuration, configuration.engine,
            multipliers: (engine.objective.model.outputMultipliers.generator, model.outputMultipliers.generator),
            path: reader.path)
        let weights = FloatBuffer(count: layout.bufferCount)
        try reader.read([TensorGroup.weights: TrainingCheckpoint.views(layout.specs, weights)])
        for spec in engine.state.layout.specs where spec.name.hasPrefix("generator.") {
            // What both networks share there is the generator's own here.
            let shared = spec.name.dropFirst("generator.".count)
            guard let source = layout[spec.name] ?? layout[String(shared)] else {
                throw PretrainingError.unusableGenerator(path: reader.path, reason: "it lacks \(spec.name)")
            }
            guard source.shape == spec.shape else {
                throw PretrainingError.unusableGenerator(
                    path: reader.path,
                    reason: "its \(source.name) has the shape \(source.shape), and this run's \(spec.shape); give "
                        + "model.generator the sizes of that run")
            }
            (engine.state.weights.base + spec.offset).update(
                from: weights.base + source.offset, count: spec.count)
        }
        engine.weightsChanged()
    }

    /// What changes a generator's numbers without changing its shapes has to be the same.
    ///
    /// - Parameter multipliers: of logits, by muP's bases.
    private static func check(
        _ here: EngineConfiguration, _ there: EngineConfiguration, multipliers: (here: Double, there: Double),
        path: String
    ) throws {
        let mine = here.generatorSettings(outputMultiplier: multipliers.here)
        let theirs = there.generatorSettings(outputMultiplier: multipliers.there)
        for ((name, mine), (_, theirs)) in zip(mine, theirs) where mine != theirs {
            throw PretrainingError.unusableGenerator(
                path: path, reason: "\(name) is \(theirs) there and \(mine) here; make them equal")
        }
    }
}
