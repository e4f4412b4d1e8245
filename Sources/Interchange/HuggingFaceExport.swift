import Encoder
import Foundation
import Kernels
import Objectives
import Parametrization
import Tokenization
import Training

/// Exports a training engine's weights in the form of Hugging Face's ELECTRA.
public enum HuggingFaceExport {
    /// - Throws: `ElectraExportError` for a model that has no such form, and what writing throws.
    public static func write(
        _ engine: TrainingEngine, tokenizer: ByteLevelBPE, to destination: String, force: Bool
    ) throws {
        let configuration = engine.configuration
        let model = configuration.model
        func sizes(_ shape: NetworkShape) -> ElectraShape.Network {
            ElectraShape.Network(
                hiddenSize: shape.hiddenSize, feedForwardSize: shape.intermediateSize, headCount: shape.headCount,
                layerCount: shape.layerCount)
        }
        func attention(_ shape: NetworkShape) -> Double {
            configuration.parametrization.attentionScale(headSize: shape.headSize) * Double(shape.headSize).squareRoot()
        }
        let export = ElectraExport(
            shape: ElectraShape(
                vocabularySize: tokenizer.vocabularySize, embeddingSize: model.embeddingSize,
                positionCount: model.maximumPositions, discriminator: sizes(model.discriminatorShape),
                generator: sizes(model.generatorShape)),
            tokenizer: Data(tokenizer.serialized()),
            specialTokens: names(tokenizer, engine.special),
            multipliers: PerNetwork(
                discriminator: ElectraMultipliers(
                    attention: attention(model.discriminatorShape),
                    output: engine.objective.model.outputMultipliers.discriminator),
                generator: ElectraMultipliers(
                    attention: attention(model.generatorShape),
                    output: engine.objective.model.outputMultipliers.generator)))
        try export.write(EngineTensors(engine), to: destination, force: force)
    }

    private static func names(_ tokenizer: ByteLevelBPE, _ special: SpecialTokens) -> SpecialTokenNames {
        func name(_ id: Int32, _ fallback: String) -> String {
            tokenizer.addedTokenList.first { $0.id == id }?.content ?? fallback
        }
        return SpecialTokenNames(
            padding: name(special.padding, "[PAD]"), unknown: name(special.unknown, "[UNK]"),
            classification: name(special.classification, "[CLS]"),
            separator: name(special.separator, "[SEP]"), mask: name(special.mask, "[MASK]"))
    }
}

/// The engine's weights under their own names.
private struct EngineTensors: NamedTensors {
    private let engine: TrainingEngine

    init(_ engine: TrainingEngine) { self.engine = engine }

    var names: [String] { engine.state.layout.specs.map(\.name) }

    func shape(of name: String) -> [Int]? { engine.state.layout[name]?.shape }

    func withValues<Result>(
        of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) throws -> Result {
        guard let spec = engine.state.layout[name] else { throw TensorDictionary.MissingTensor(name: name) }
        return try body(UnsafeBufferPointer(start: engine.state.weights.base + spec.offset, count: spec.count))
    }
}
