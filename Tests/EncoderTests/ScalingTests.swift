import Encoder
import Objectives
import Parametrization
import Testing

@Suite("Roles and scaling")
struct ScalingTests {
    private func role(of name: String) -> ParameterRole {
        if name.hasSuffix("bias") || name.hasSuffix("gain") { return .vector }
        if name.hasPrefix("embeddings.") || name.contains("projection") || name == "generator.head.output.weight" {
            return .input
        }
        return name == "discriminator.head.output.weight" ? .readout : .hidden
    }

    @Test("Every tensor has the role of its dimensions")
    func roles() {
        var modern = ModelConfiguration()
        modern.generator.tiedOutput = false
        modern.feedForward = .geglu
        modern.normalization.placement = .peri
        modern.initialization.zeroQueries = true
        for model in [ModelConfiguration(), modern] {
            for spec in ParameterLayoutTests.layout(model).specs {
                #expect(spec.role == role(of: spec.name), "\(spec.name)")
                #expect(spec.decays == (spec.shape.count > 1), "\(spec.name)")
            }
        }
    }

    /// Recipes of which each has tensors that the others lack.
    private static let recipes: [@Sendable (inout ObjectiveConfiguration, inout ModelConfiguration) -> Void] = [
        { objective, model in
            objective.name = .metro
            model.embeddingSharing = .tokenOnly
            model.detectionHead = .linear
            model.relativeBias.sharing = .shared
        },
        { objective, model in
            objective.name = .cocoLM
            model.embeddingSharing = .separate
            model.relativeBias.sharing = .perLayer
        },
        { _, model in
            model.embeddingSharing = .disentangled
            model.detectionHead = .withClassification
        },
        { objective, _ in objective.name = .allTokensMLM },
        { objective, _ in objective.name = .maskedLanguageModel },
    ]

    @Test(
        "Every tensor of every recipe has the role of its dimensions, and its twin the same", arguments: recipes.indices
    )
    func recipeRoles(_ index: Int) throws {
        var objective = ObjectiveConfiguration()
        var model = ParameterLayoutTests.base
        Self.recipes[index](&objective, &model)
        var parametrization = ParametrizationConfiguration()
        parametrization.baseHiddenSize = model.hiddenSize / 4
        parametrization.outputMultiplier = 3
        let replaced = ReplacedTokenModel(
            model: model, parametrization: parametrization, vocabularySize: 300,
            limits: .init(tokens: 8, sequences: 1, longestSegment: 8, maskFraction: 0.15), objective: objective,
            separateOptimizers: objective.trainsGenerator)
        let twins = replaced.layout.twins.map(\.moments)
        #expect(twins.isEmpty == ![0, 3].contains(index))
        for spec in replaced.layout.specs + twins {
            let expected: ParameterRole =
                spec.name.contains("embeddings.") && spec.shape.count > 1
                ? .input : spec.name.contains("projection.weight") ? .hidden : role(of: spec.name)
            #expect(spec.role == expected, "\(spec.name)")
            #expect(spec.decays == (spec.role != .vector), "\(spec.name)")
            // The embedding size grows with the width here, so everything does.
            #expect(spec.widthRatio == 4, "\(spec.name)")
        }
        // Logits of the corrective head are read from hidden states by a table, as detection's are.
        #expect(replaced.outputMultipliers == (0.75, 0.75))
    }

    @Test("Base width equal to width is the standard parametrization exactly")
    func baseWidth() {
        var parametrization = ParametrizationConfiguration()
        parametrization.baseHiddenSize = 256
        parametrization.generatorBaseHiddenSize = 64
        parametrization.baseHeadSize = 64
        for scheme in InitializationConfiguration.Scheme.allCases {
            var model = ModelConfiguration()
            model.initialization.scheme = scheme
            let standard = ParameterLayoutTests.layout(model)
            let layout = ParameterLayoutTests.layout(model, parametrization)
            #expect(layout.specs == standard.specs)
            for spec in layout.specs {
                let scaling = spec.scaling
                #expect(
                    [scaling.initialization, scaling.learningRate, scaling.multiplier, scaling.weightDecay]
                        == [1, 1, 1, 1])
            }
        }
        #expect(
            parametrization.attentionScale(headSize: 64) == ParametrizationConfiguration().attentionScale(headSize: 64))
        #expect(parametrization.attentionScale(headSize: 64) == 1.0 / 8)
    }

    @Test("AdamW's rules by role", arguments: [2.0, 4.0])
    func ratios(ratio: Double) {
        func numbers(_ role: ParameterRole) -> [Double] {
            let scaling = ParameterScaling(role, widthRatio: ratio)
            return [scaling.initialization, scaling.learningRate, scaling.multiplier, scaling.weightDecay]
        }
        #expect(numbers(.input) == [1, 1, 1, 1])
        #expect(numbers(.vector) == [1, 1, 1, 1])
        #expect(numbers(.hidden) == [1 / ratio.squareRoot(), 1 / ratio, 1, ratio])
        #expect(numbers(.readout) == [1, 1, 1 / ratio, 1])
    }

    @Test("Epsilon shrinks with the width, and learning rate times decay does not depend on it", arguments: [0.5, 8.0])
    func epsilonAndDecay(ratio: Double) {
        for role in ParameterRole.allCases {
            for depth in ParameterDepth.allCases {
                let scaling = ParameterScaling(role, widthRatio: ratio, depth: depth, depthRatio: 3)
                #expect(abs(scaling.learningRate * scaling.weightDecay - 1) < 1e-12)
                #expect(abs(scaling.epsilon - (depth == .branch ? 1 / ratio / 3 : 1 / ratio)) < 1e-12)
            }
        }
    }

    @Test("Depth: tensors of branches and their outputs are told from the rest")
    func depth() {
        var model = ModelConfiguration()
        model.normalization.placement = .pre
        model.generator.layerCount = 6
        var parametrization = ParametrizationConfiguration()
        parametrization.baseLayerCount = 3
        parametrization.generatorBaseLayerCount = 2
        for spec in ParameterLayoutTests.layout(model, parametrization).specs {
            let expected: ParameterDepth =
                !spec.name.contains(".layers.")
                ? .outside : spec.name.contains(".output.") ? .branchOutput : .branch
            #expect(spec.depth == expected, "\(spec.name)")
            if spec.depth != .outside { #expect(spec.depthRatio == (spec.name.hasPrefix("generator") ? 3 : 4)) }
        }
    }

    @Test("Branch outputs that start smaller for their depth do so once, under the rules for depth too")
    func residualsAtDepth() throws {
        func deviation(layers: Int, base: Int?, scaled: Bool) throws -> Double {
            var model = ModelConfiguration()
            model.normalization.placement = .pre
            model.layerCount = layers
            model.generator.layerCount = layers
            model.initialization.scaleResiduals = scaled
            var parametrization = ParametrizationConfiguration()
            parametrization.baseLayerCount = base
            let layout = ParameterLayoutTests.layout(model, parametrization)
            let spec = try #require(layout["discriminator.layers.0.attention.output.weight"])
            guard case .truncatedNormal(let deviation) = spec.initialization else { return .nan }
            return deviation * spec.scaling.initialization
        }
        // What the rules do from 3 to 12 layers does not depend on where it starts.
        let plain = try deviation(layers: 12, base: 3, scaled: false) / deviation(layers: 3, base: 3, scaled: false)
        let scaled = try deviation(layers: 12, base: 3, scaled: true) / deviation(layers: 3, base: 3, scaled: true)
        #expect(abs(plain - scaled) < 1e-12, "\(plain) and \(scaled)")
        // Without them the depth itself counts.
        let ratio = try deviation(layers: 12, base: nil, scaled: true) / deviation(layers: 3, base: nil, scaled: true)
        #expect(abs(ratio - 0.5) < 1e-12)
    }

    @Test("Where the embedding size grows with the width, tables and tied output grow with it")
    func growingEmbedding() {
        var parametrization = ParametrizationConfiguration()
        parametrization.baseHiddenSize = 192
        let layout = ParameterLayoutTests.layout(ParameterLayoutTests.base, parametrization)
        #expect(layout["embeddings.word"]?.widthRatio == 4)
        #expect(layout["generator.projection.weight"]?.role == .hidden)
        #expect(layout["generator.projection.weight"]?.widthRatio == 4)
        // An explicit base tells the width at which a fixed size is met by chance from one that grows.
        parametrization.baseEmbeddingSize = 768
        let fixed = ParameterLayoutTests.layout(ParameterLayoutTests.base, parametrization)
        #expect(fixed["embeddings.word"]?.widthRatio == 1)
        #expect(fixed["generator.projection.weight"]?.role == .input)
    }

    @Test("The networks have ratios of their own")
    func networks() {
        var parametrization = ParametrizationConfiguration()
        parametrization.baseHiddenSize = 64
        let model = ModelConfiguration()
        #expect(NetworkKind.discriminator.widthRatio(model, parametrization) == 4)
        #expect(NetworkKind.generator.widthRatio(model, parametrization) == 4)
        parametrization.generatorBaseHiddenSize = 32
        #expect(NetworkKind.generator.widthRatio(model, parametrization) == 2)
        let layout = ParameterLayoutTests.layout(model, parametrization)
        for spec in layout.specs {
            let expected = spec.name.hasPrefix("embeddings.") ? 1 : spec.name.hasPrefix("generator.") ? 2.0 : 4
            #expect(spec.widthRatio == expected, "\(spec.name)")
        }
        parametrization.baseHeadSize = 16
        parametrization.attentionMultiplier = 1.5
        // 1.5 · √16 / 64: falls with 1/d from the base.
        #expect(parametrization.attentionScale(headSize: 64) == 1.5 * 4 / 64)
    }

    @Test("Under fan-in, initial values are those of the base width and muP scales them from there")
    func fanIn() throws {
        var parametrization = ParametrizationConfiguration()
        parametrization.baseHiddenSize = 64
        var model = ModelConfiguration()
        model.initialization.scheme = .fanIn
        let layout = ParameterLayoutTests.layout(model, parametrization)
        func deviation(_ name: String) throws -> Double {
            let spec = try #require(layout[name])
            guard case .truncatedNormal(let deviation) = spec.initialization else { return .nan }
            return deviation * spec.scaling.initialization
        }
        let hidden = try deviation("discriminator.layers.0.attention.query.weight")
        #expect(abs(hidden - 1.0 / 16) < 1e-12)
        #expect(abs(try deviation("discriminator.layers.0.feed_forward.output.weight") - 1.0 / 32) < 1e-12)
        #expect(abs(try deviation("discriminator.projection.weight") - 1 / 128.0.squareRoot()) < 1e-12)
        // A readout's initial values do not depend on the width: its fan-in is the base's, 64.
        #expect(abs(try deviation("discriminator.head.output.weight") - 1.0 / 8) < 1e-12)
        #expect(try deviation("embeddings.word") == 0.02)
    }

    /// `POST_NUM` of github.com/pixeli99/MixLN is given as a whole number, 3 of 12 and 6 of 24 layers; the paper has ⌊α·L⌋.
    @Test("Mix-LN: the first ⌊α · layers⌋ are Post-LN")
    func mix() {
        func post(_ alpha: Double, _ layers: Int) -> [Int] {
            var normalization = NormalizationConfiguration()
            normalization.placement = .mix
            normalization.alpha = alpha
            let post = (0..<layers).filter { normalization.form(layer: $0, of: layers) == .post }
            #expect(normalization.needsFinalNorm(layerCount: layers) == (post.count < layers))
            return post
        }
        #expect(post(0.25, 12) == [0, 1, 2])
        #expect(post(0.25, 24) == Array(0..<6))
        #expect(post(0, 12) == [])
        #expect(post(1, 12) == Array(0..<12))
        #expect(post(0.25, 1) == [])
        #expect(post(0.25, 2) == [])
        #expect(post(0.25, 6) == [0])
        #expect(post(0.5, 3) == [0])
        // α · layers that are whole numbers, but for rounding: every share of every depth.
        for layers in 1...200 {
            for share in 0...layers {
                #expect(post(Double(share) / Double(layers), layers).count == share, "\(share) of \(layers)")
            }
        }
        for hundredths in 0...100 {
            #expect(post(Double(hundredths) * 0.01, 100).count == hundredths)
        }
    }
}
