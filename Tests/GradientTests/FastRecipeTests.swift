import Corpus
import Encoder
import Kernels
import Objectives
import Parametrization
import TestSupport
import Testing

/// Every objective, way of sharing embeddings and kind of head against the Double reference: losses, and the gradients of
/// every parameter.
@Suite("Recipes against the reference")
struct FastRecipeTests {
    struct Case: CustomTestStringConvertible {
        var name: String
        var dropout = 0.0
        var change: @Sendable (inout ObjectiveConfiguration, inout ModelConfiguration) -> Void
        var separateOptimizers = false
        var movesSharedTwice = true
        /// The second half of every segment has token type 1.
        var hasPairs = false
        var types: [Int32] {
            guard hasPairs else { return [] }
            return zip(TwoSequences.segments, TwoSequences.segments.dropFirst()).flatMap { start, end in
                (start..<end).map { $0 - start < (end - start) / 2 ? 0 : 1 }
            }
        }
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "metro, zero-dropout auxiliary, token-only sharing", dropout: 0.25) { objective, model in
            objective.name = .metro
            objective.correctiveWeight = 2
            model.embeddingSharing = .tokenOnly
            model.detectionHead = .linear
            model.generator.dropout = 0
            model.generator.attentionDropout = 0
        },
        Case(name: "metro, weighed by detection") { objective, model in
            objective.name = .metro
            objective.weighsByDetection = true
            objective.correctiveWeight = 3
            model.embeddingSharing = .tokenOnly
            model.detectionHead = .linear
        },
        Case(name: "coco_lm, a generator that samples without its dropout", dropout: 0.25) { objective, _ in
            objective.name = .cocoLM
            objective.samplesWithoutDropout = true
            objective.contrastiveWeight = 0
        },
        Case(name: "metro, disentangled") { objective, model in
            objective.name = .metro
            model.embeddingSharing = .disentangled
            model.detectionHead = .withClassification
        },
        Case(
            name: "sentence pairs, coco_lm with contrast",
            change: { objective, _ in
                objective.name = .cocoLM
                objective.contrastiveCrop = 0.6
            }, hasPairs: true),
        Case(
            name: "sentence pairs, disentangled",
            change: { _, model in
                model.embeddingSharing = .disentangled
                model.positions = .rotary
            }, hasPairs: true),
        Case(name: "coco_lm, masked tokens, contrast") { objective, model in
            objective.name = .cocoLM
            objective.contrastiveTemperature = 0.5
            model.normalization.placement = .pre
            model.positions = .rotary
        },
        Case(name: "coco_lm, all tokens") { objective, _ in
            objective.name = .cocoLM
            objective.correctiveTokens = .all
            objective.contrastiveWeight = 0
        },
        Case(name: "electra, disentangled, [CLS]", dropout: 0.125) { _, model in
            model.embeddingSharing = .disentangled
            model.detectionHead = .withClassification
            model.embeddingSize = 24
        },
        Case(name: "electra, separate embeddings, contrast") { objective, model in
            objective.contrastiveWeight = 3
            objective.contrastiveCrop = 0.5
            model.embeddingSharing = .separate
            model.generator.layerCount = 1
        },
        Case(name: "electra, shared embeddings, separate optimizers", change: { _, _ in }, separateOptimizers: true),
        Case(
            name: "metro, token-only sharing, separate optimizers",
            change: { objective, model in
                objective.name = .metro
                model.embeddingSharing = .tokenOnly
            }, separateOptimizers: true),
        Case(
            name: "shared embeddings, separate optimizers of which one moves them", change: { _, _ in },
            separateOptimizers: true, movesSharedTwice: false),
        Case(name: "random replacements, masked tokens") { objective, _ in
            objective.replacements = .random
            objective.detectedTokens = .masked
        },
        Case(name: "frozen generator") { objective, model in
            objective.replacements = .frozen
            model.embeddingSharing = .disentangled
        },
        Case(name: "masked language model", dropout: 0.125) { objective, model in
            objective.name = .maskedLanguageModel
            model.embeddingSize = 24
        },
        Case(name: "replace MLM") { objective, model in
            objective.name = .replaceMLM
            model.embeddingSize = 24
        },
        Case(name: "all-tokens MLM, [CLS]") { objective, model in
            objective.name = .allTokensMLM
            model.embeddingSize = 24
            model.detectionHead = .withClassification
        },
        Case(name: "all-tokens MLM, linear gate") { objective, model in
            objective.name = .allTokensMLM
            model.detectionHead = .linear
        },
    ]

    @Test("Losses and gradients", arguments: cases)
    func gradients(_ test: Case) throws {
        var model = ModelConfiguration()
        model.hiddenSize = 32
        model.headCount = 2
        model.intermediateSize = 48
        model.layerCount = 2
        model.embeddingSize = 32
        model.generator.widthMultiplier = 0.5
        model.dropout = test.dropout
        model.attentionDropout = test.dropout
        var configuration = ObjectiveConfiguration()
        configuration.maskFraction = 0.3
        test.change(&configuration, &model)
        var parametrization = ParametrizationConfiguration()
        parametrization.baseHiddenSize = 16
        parametrization.outputMultiplier = 1.25
        let replaced = ReplacedTokenModel(
            model: model, parametrization: parametrization, vocabularySize: TwoSequences.vocabularySize,
            limits: TwoSequences.limits, objective: configuration,
            separateOptimizers: test.separateOptimizers, movesSharedTwice: test.movesSharedTwice)
        let objective = ReplacedTokenDetection(model: replaced, configuration: configuration)
        let work = TwoSequences.work(configuration, isReplaced: true, types: test.types)
        let fast = FastParameters(replaced.layout, seed: 3)
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        replaced.layout.deriveWeights(fast.weights, pool: pool)
        let (sums, corrupted) = TwoSequences.run(
            objective, work, fast, activationCount: replaced.activationCount)

        let parameters = try Self.reference(fast)
        var reference = try Reference.RecipeObjective(
            Self.recipe(configuration, model, parametrization, work), text: work.batch.tokens.map { Int($0) },
            batch: TwoSequences.reference(work, corrupted),
            generatorDropout: configuration.trainsGenerator
                ? .init(model.of(.generator), .generator, TwoSequences.dropout, segments: TwoSequences.segments)
                : .none,
            mainDropout: .init(model, .discriminator, TwoSequences.dropout, segments: TwoSequences.segments), parameters
        )
        let losses = reference.forward()
        for (actual, expected, name) in [
            (sums.meanGeneratorLoss, losses.generator, "generator"),
            (sums.meanDiscriminatorLoss, losses.detection, "detection"),
            (sums.meanCorrectiveLoss, losses.corrective, "corrective"),
            (sums.meanContrastiveLoss, losses.contrastive, "contrastive"),
            (configuration.total(sums), losses.total, "total"),
        ] {
            #expect(abs(actual - expected) <= 2e-5 * abs(expected), "\(name): \(actual), not \(expected)")
        }
        reference.backward()
        replaced.layout.returnGradients(fast.gradients, pool: pool)
        var comparison = GradientComparison.float
        comparison.compare(gradients: Self.gradients(fast, like: parameters), with: parameters)
        #expect(comparison.isWithin(5e-5), "\(comparison)")
    }

    @Test("A generator that samples without its dropout draws what it draws in evaluation, and learns as before")
    func sampling() throws {
        var model = ModelConfiguration()
        (model.hiddenSize, model.headCount, model.intermediateSize, model.layerCount) = (32, 2, 48, 2)
        (model.embeddingSize, model.generator.widthMultiplier) = (32, 0.5)
        func run(dropout: Double, apart: Bool) -> (sums: LossSums, corrupted: [Int32], generator: [Float]) {
            model.dropout = dropout
            model.attentionDropout = dropout
            var configuration = ObjectiveConfiguration()
            configuration.maskFraction = 0.3
            configuration.samplesWithoutDropout = apart
            let replaced = ReplacedTokenModel(
                model: model, parametrization: .init(), vocabularySize: TwoSequences.vocabularySize,
                limits: TwoSequences.limits, objective: configuration)
            let fast = FastParameters(replaced.layout, seed: 3)
            let (sums, corrupted) = TwoSequences.run(
                .init(model: replaced, configuration: configuration),
                TwoSequences.work(configuration, isReplaced: false), fast, activationCount: replaced.activationCount)
            let own = fast.layout.specs.filter { $0.name.hasPrefix("generator.") }
            return (
                sums, corrupted,
                own.flatMap { spec in (0..<spec.count).map { fast.gradients.base[spec.offset + $0] } }
            )
        }
        let evaluated = run(dropout: 0, apart: false)
        let trained = run(dropout: 0.4, apart: false)
        let apart = run(dropout: 0.4, apart: true)
        #expect(apart.corrupted == evaluated.corrupted && trained.corrupted != evaluated.corrupted)
        #expect(apart.sums.generatorLoss == trained.sums.generatorLoss && apart.generator == trained.generator)
    }

    static func recipe(
        _ configuration: ObjectiveConfiguration, _ model: ModelConfiguration,
        _ parametrization: ParametrizationConfiguration, _ work: ReplacedTokenDetection.Work
    ) -> Reference.Recipe {
        func encoder(_ network: NetworkKind) -> Reference.EncoderConfiguration {
            let shape = network == .generator ? model.generatorShape : model.discriminatorShape
            return .init(
                model, network, vocabularySize: TwoSequences.vocabularySize,
                attentionScale: parametrization.attentionScale(headSize: shape.headSize))
        }
        // A frozen generator whose samples are given has nothing to do.
        var recipe = Reference.Recipe(
            objective: configuration, generator: configuration.trainsGenerator ? encoder(.generator) : nil,
            main: encoder(.discriminator))
        if configuration.hasGenerator {
            let own = model.embeddingSharing != .shared
            recipe.generatorEmbeddings.all = own ? "generator.embeddings" : "embeddings"
            recipe.mainEmbeddings.all = own ? "discriminator.embeddings" : "embeddings"
            let ownWord = own && model.embeddingSharing != .tokenOnly
            recipe.generatorEmbeddings.word = ownWord ? "generator.embeddings.word" : "embeddings.word"
            recipe.mainEmbeddings.word = ownWord ? "discriminator.embeddings.word" : "embeddings.word"
        }
        recipe.head =
            switch model.detectionHead {
            case .dense: .dense
            case .linear: .linear
            case .withClassification: .withFirst(.init(offsets: TwoSequences.segments))
            }
        recipe.generatorMultiplier =
            parametrization.outputMultiplier
            / parametrization.embeddingWidthRatio(embeddingSize: model.embeddingSize, hiddenSize: model.hiddenSize)
        recipe.mainMultiplier =
            parametrization.outputMultiplier * 16 / Double(model.hiddenSize)
        recipe.contrasted = [0..<2, 2..<4]
        recipe.crops = crops(work, share: configuration.contrastiveCrop)
        return recipe
    }

    /// First token, a stretch, last token of each segment.
    static func crops(
        _ work: ReplacedTokenDetection.Work, share: Double
    ) -> (tokens: [Int], segments: Reference.Segments) {
        var (tokens, types): ([Int], [Int]) = ([], [])
        var offsets = [0]
        for (start, end) in zip(TwoSequences.segments, TwoSequences.segments.dropFirst()) {
            let inner = end - start - 2
            let kept = Int((Double(inner) * share).rounded(.up))
            let skipped = Int(work.cropping.uniform(step: work.step, position: start) * Double(inner - kept + 1))
            let rows = [start] + Array((start + 1 + skipped)..<(start + 1 + skipped + kept)) + [end - 1]
            tokens += rows.map { Int(work.batch.tokens[$0]) }
            types += rows.map { work.batch.tokenTypes.isEmpty ? 0 : Int(work.batch.tokenTypes[$0]) }
            offsets.append(tokens.count)
        }
        return (tokens, .init(offsets: offsets, types: types))
    }

    /// The weights as the reference's parameters: a sum of tables is one table there.
    static func reference(_ fast: FastParameters) throws -> Reference.Parameters {
        let parameters = Reference.Parameters()
        for spec in fast.layout.specs {
            guard let sum = fast.layout.sum(with: spec) else {
                try parameters.add(
                    spec.name, shape: spec.shape, values: (0..<spec.count).map { fast.weights.base[spec.offset + $0] })
                continue
            }
            try parameters.add(
                String(spec.name.dropLast("_difference".count)), shape: spec.shape,
                values: (0..<spec.count).map { fast.weights.base[sum.offset + $0] })
        }
        return parameters
    }

    /// The engine's gradients under the reference's names, those of both optimizers together. What nobody reads has none.
    private static func gradients(_ fast: FastParameters, like parameters: Reference.Parameters) -> [String: [Float]] {
        var result: [String: [Float]] = [:]
        func values(_ offset: Int, _ count: Int) -> [Float] { (0..<count).map { fast.gradients.base[offset + $0] } }
        for spec in fast.layout.specs {
            let name = fast.layout.sum(with: spec) == nil ? spec.name : String(spec.name.dropLast("_difference".count))
            result[name] = values(spec.offset, spec.count)
        }
        for twin in fast.layout.twins {
            let name = fast.layout.specs.first { $0.offset == twin.weights.offset }!.name
            result[name] = zip(result[name] ?? [], values(twin.moments.offset, twin.moments.count)).map { $0 + $1 }
        }
        return result
    }
}
