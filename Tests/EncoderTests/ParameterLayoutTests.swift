import Encoder
import Objectives
import Parametrization
import Testing

@Suite("Parameter layout")
struct ParameterLayoutTests {
    static func layout(
        _ model: ModelConfiguration, _ parametrization: ParametrizationConfiguration = .init(), vocabulary: Int = 30522
    ) -> ParameterLayout {
        ReplacedTokenModel(
            model: model, parametrization: parametrization, vocabularySize: vocabulary,
            limits: .init(tokens: 8, sequences: 1, longestSegment: 8, maskFraction: 0.15)
        ).layout
    }

    static var base: ModelConfiguration {
        var model = ModelConfiguration()
        model.hiddenSize = 768
        model.headCount = 12
        model.intermediateSize = 3072
        model.embeddingSize = 768
        model.generator.widthMultiplier = 1.0 / 3
        return model
    }

    static func count(_ layout: ParameterLayout, _ prefix: String) -> Int {
        layout.specs.filter { $0.name.hasPrefix(prefix) }.reduce(0) { $0 + $1.count }
    }

    /// A linear layer with bias, and a norm.
    private static func linear(_ output: Int, _ input: Int) -> Int { output * input + output }
    private static func layers(_ hidden: Int, _ intermediate: Int) -> Int {
        12 * (4 * linear(hidden, hidden) + linear(intermediate, hidden) + linear(hidden, intermediate) + 4 * hidden)
    }

    /// Hugging Face's ElectraForPreTraining of google/electra-small-discriminator has 13,549,057 parameters, embeddings
    /// included; the generator adds its encoder and head. (The generator published as electra-small-generator is of
    /// full width, so its own count is not that of the paper's quarter-width one.)
    @Test("ELECTRA-small has 14,196,219 parameters")
    func small() {
        let layout = Self.layout(ModelConfiguration())
        #expect(layout.parameterCount == 14_196_219)
        #expect(Self.count(layout, "embeddings.") + Self.count(layout, "discriminator.") == 13_549_057)
        #expect(
            Self.count(layout, "generator.")
                == Self.linear(64, 128) + Self.layers(64, 256) + Self.linear(128, 64) + 2 * 128 + 30522)
    }

    /// ElectraForPreTraining of google/electra-base-discriminator: 109,483,009.
    @Test("ELECTRA-base has 119,386,427 parameters")
    func base() {
        let layout = Self.layout(Self.base)
        #expect(layout.parameterCount == 119_386_427)
        #expect(Self.count(layout, "embeddings.") + Self.count(layout, "discriminator.") == 109_483_009)
        #expect(layout["discriminator.projection.weight"] == nil)
        #expect(layout["generator.projection.weight"]?.shape == [256, 768])
    }

    @Test("Tensors are aligned, do not overlap, and fused ones touch")
    func places() throws {
        var odd = ModelConfiguration()
        odd.hiddenSize = 24
        odd.headCount = 3
        odd.embeddingSize = 8
        odd.intermediateSize = 40
        odd.generator.hiddenSize = 8
        odd.generator.headCount = 1
        for layout in [Self.layout(ModelConfiguration()), Self.layout(odd, vocabulary: 101)] {
            #expect(layout.bufferCount % 16 == 0)
            #expect(Set(layout.specs.map(\.name)).count == layout.specs.count)
            var end = 0
            for spec in layout.specs {
                #expect(spec.offset >= end && spec.offset - end < 16, "\(spec.name)")
                let isFused = spec.name.contains(".key.") || spec.name.contains(".value.")
                #expect(isFused ? spec.offset == end : spec.offset % 16 == 0, "\(spec.name)")
                #expect(layout[spec.name] == spec)
                end = spec.offset + spec.count
            }
            #expect(layout.bufferCount >= end && layout.bufferCount - end < 16)
            #expect(layout.parameterCount == layout.specs.reduce(0) { $0 + $1.count })
            for network in NetworkKind.allCases {
                for kind in ["weight", "bias"] {
                    let name = "\(network.rawValue).layers.0.attention."
                    let query = try #require(layout["\(name)query.\(kind)"])
                    let key = try #require(layout["\(name)key.\(kind)"])
                    let value = try #require(layout["\(name)value.\(kind)"])
                    #expect(key.offset == query.offset + query.count && value.offset == key.offset + key.count)
                }
            }
        }
    }

    @Test("Norms and biases do not decay; tables are known")
    func decay() {
        let layout = Self.layout(ModelConfiguration())
        for spec in layout.specs {
            let isVector = spec.name.hasSuffix("bias") || spec.name.hasSuffix("gain")
            #expect(spec.decays == !isVector, "\(spec.name)")
            #expect(spec.isEmbeddingTable == (spec.name.hasPrefix("embeddings.") && !spec.name.contains("norm")))
        }
    }

    @Test("Final norms stand where the last layer is Pre-LN", arguments: NormalizationPlacement.allCases)
    func finalNorm(placement: NormalizationPlacement) {
        var model = ModelConfiguration()
        model.normalization.placement = placement
        let layout = Self.layout(model)
        for network in NetworkKind.allCases {
            #expect((layout["\(network.rawValue).final_norm.gain"] != nil) == (placement != .post))
        }
        model.positions = .rotary
        #expect(Self.layout(model)["embeddings.position"] == nil)
    }
}
