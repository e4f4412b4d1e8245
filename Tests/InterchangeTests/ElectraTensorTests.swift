import Interchange
import Testing

/// The table of names against the models that transformers saved.
@Suite struct ElectraTensorTests {
    @Test(arguments: ElectraNetwork.allCases)
    func namesAndShapesAreThoseOfTransformers(_ network: ElectraNetwork) throws {
        let file = try SafetensorsFile(path: Fixture.path("electra/\(network)/model.safetensors"))
        let tensors = Fixture.shape.tensors(of: network)
        #expect(Set(tensors.map(\.huggingFaceName)) == Set(file.names))
        #expect(tensors.count == file.names.count)
        for tensor in tensors {
            #expect(file.shape(of: tensor.huggingFaceName) == tensor.shape, "\(tensor.huggingFaceName)")
        }
    }

    @Test func engineNamesAreThoseOfTheScript() throws {
        let engine = try Fixture.engine()
        #expect(Fixture.shape.engineNames == Set(engine.names))
        for tensor in ElectraNetwork.allCases.flatMap({ Fixture.shape.tensors(of: $0) }) {
            #expect(engine.shape(of: tensor.engineName) == tensor.shape, "\(tensor.engineName)")
        }
    }

    @Test func onlyUnequalSizesNeedAProjection() {
        let base = ElectraShape(
            vocabularySize: 30522, embeddingSize: 768, positionCount: 512,
            discriminator: .init(hiddenSize: 768, feedForwardSize: 3072, headCount: 12, layerCount: 12),
            generator: .init(hiddenSize: 256, feedForwardSize: 1024, headCount: 4, layerCount: 12))
        #expect(!base.engineNames.contains("discriminator.projection.weight"))
        #expect(base.engineNames.contains("generator.projection.weight"))
        // The published model's size: 110M parameters in the discriminator, its head included.
        let count = base.tensors(of: .discriminator).reduce(0) { $0 + $1.shape.reduce(1, *) }
        #expect(count == 30522 * 768 + 514 * 768 + 2 * 768 + 12 * 7_087_872 + 768 * 769 + 769)
    }

    @Test func multipliersAreWhereTheyCommuteWithTheModel() {
        let tensors = ElectraNetwork.allCases.flatMap { Fixture.shape.tensors(of: $0) }
        func names(_ multiplier: MappedTensor.Multiplier) -> Set<String> {
            Set(tensors.filter { $0.multiplier == multiplier }.map(\.engineName))
        }
        let queries = ElectraNetwork.allCases.flatMap { network in
            (0..<2).flatMap { layer in
                ["weight", "bias"].map { "\(network).layers.\(layer).attention.query.\($0)" }
            }
        }
        #expect(names(.attention) == Set(queries))
        #expect(
            names(.output) == [
                "generator.head.norm.gain", "generator.head.norm.bias", "discriminator.head.output.weight",
            ])
    }

    @Test func aMainEncoderThatPredictsTokensHasTheGeneratorsHead() {
        var shape = Fixture.shape
        (shape.hasDetectionHead, shape.hasLanguageHead, shape.networks.generator) = (false, true, nil)
        #expect(shape.architecture(of: .discriminator) == "ElectraForMaskedLM")
        let tensors = shape.tensors(of: .discriminator)
        let heads = tensors.filter { $0.huggingFaceName.hasPrefix("generator_") }
        #expect(heads.allSatisfy { $0.engineName.hasPrefix("discriminator.language_head.") })
        #expect(
            heads.map(\.huggingFaceName) == [
                "generator_predictions.dense.weight", "generator_predictions.dense.bias",
                "generator_predictions.LayerNorm.weight", "generator_predictions.LayerNorm.bias",
                "generator_lm_head.bias",
            ])
        #expect(tensors.first?.huggingFaceName == "electra.embeddings.word_embeddings.weight")
        // Both at once have no class: that of detection stays.
        shape.hasDetectionHead = true
        #expect(shape.architecture(of: .discriminator) == "ElectraForPreTraining")
        #expect(shape.tensors(of: .discriminator).allSatisfy { !$0.engineName.contains("language_head") })
    }

    @Test func anAbsentNetworkHasNoTensors() {
        var shape = Fixture.shape
        shape.networks.generator = nil
        #expect(shape.tensors(of: .generator).isEmpty)
        #expect(shape.engineNames.allSatisfy { !$0.hasPrefix("generator.") })
    }
}
