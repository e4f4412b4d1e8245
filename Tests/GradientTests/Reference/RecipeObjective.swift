import Foundation
import Objectives

extension Reference {
    /// What a recipe adds to ELECTRA's configuration and batch.
    struct Recipe {
        var objective: ObjectiveConfiguration
        var generator: EncoderConfiguration?
        var main: EncoderConfiguration
        /// Names of each network's embeddings and word table.
        var generatorEmbeddings = (all: "embeddings", word: "embeddings.word")
        var mainEmbeddings = (all: "embeddings", word: "embeddings.word")
        var head = DetectionHead.Kind.dense
        var generatorMultiplier = 1.0
        var mainMultiplier = 1.0
        /// Crops of the text and their segments, and which segments are contrasted with one another.
        var crops: (tokens: [Int], segments: Segments) = ([], Segments(offsets: [0]))
        var contrasted: [Range<Int>] = []
    }

    struct RecipeLosses {
        var generator = 0.0
        var detection = 0.0
        var corrective = 0.0
        var contrastive = 0.0
        var total = 0.0
    }

    /// Replaced-token detection and its relatives, all losses that a recipe has, term by term.
    struct RecipeObjective {
        private let recipe: Recipe
        private let batch: ElectraBatch
        private let text: [Int]
        private let mainInput: [Int]
        private let predicted: [Int]
        /// Gates that do not follow the weights: with them, differences of the loss are what a stopped gradient is.
        var fixedGates: [Double]?
        private(set) var gates: [Double] = []

        private var generator: (network: Encoder, head: MaskedLanguageModelHead, loss: SoftmaxCrossEntropy)?
        private var main: Encoder
        private var detection: (head: DetectionHead, loss: BinaryCrossEntropy, rows: [Int])?
        private var simplified: CorrectiveHead?
        private var transformed: MaskedLanguageModelHead?
        private var plain: SoftmaxCrossEntropy?
        private var gated: CopyGatedCrossEntropy?
        private var second: (network: Encoder, heads: [(ContrastiveHead, ContrastiveHead, ContrastiveLoss)])?

        init(
            _ recipe: Recipe, text: [Int], batch: ElectraBatch, generatorDropout: EncoderDropout = .none,
            mainDropout: EncoderDropout = .none, _ parameters: Parameters
        ) throws {
            self.recipe = recipe
            self.batch = batch
            self.text = text
            let objective = recipe.objective
            if let configuration = recipe.generator {
                generator = (
                    try Encoder(
                        configuration, prefix: "generator.", embeddings: recipe.generatorEmbeddings.all,
                        word: recipe.generatorEmbeddings.word, segments: batch.segments, dropout: generatorDropout,
                        parameters),
                    try MaskedLanguageModelHead(
                        configuration, positions: batch.positions, multiplier: recipe.generatorMultiplier,
                        table: recipe.generatorEmbeddings.word, parameters),
                    SoftmaxCrossEntropy(targets: batch.targets)
                )
            }
            func encoder(_ segments: Segments, _ dropout: EncoderDropout) throws -> Encoder {
                try Encoder(
                    recipe.main, prefix: "discriminator.", embeddings: recipe.mainEmbeddings.all,
                    word: recipe.mainEmbeddings.word, segments: segments, dropout: dropout, parameters)
            }
            main = try encoder(batch.segments, mainDropout)
            let corrupted = zip(text.indices, text).map { row, token in
                batch.positions.firstIndex(of: row).map { batch.replacements[$0] } ?? token
            }
            mainInput = objective.name == .maskedLanguageModel ? batch.maskedTokens : corrupted
            if objective.name.detects || objective.name.isGated {
                let rows = objective.detectedTokens == .masked ? batch.positions : Array(text.indices)
                detection = (
                    try DetectionHead(
                        recipe.main, multiplier: recipe.mainMultiplier, kind: recipe.head, parameters),
                    BinaryCrossEntropy(labels: rows.map { corrupted[$0] != text[$0] }), rows
                )
            }
            predicted = objective.predictedTokens == .all ? Array(text.indices) : batch.positions
            let targets = predicted.map { text[$0] }
            switch objective.name.prediction {
            case .none: break
            case .simplified:
                simplified = try CorrectiveHead(
                    table: recipe.mainEmbeddings.word, vocabulary: recipe.main.vocabularySize,
                    width: recipe.main.hiddenSize, positions: predicted, multiplier: recipe.mainMultiplier, parameters)
            case .transformed:
                transformed = try MaskedLanguageModelHead(
                    recipe.main, prefix: "discriminator.", positions: predicted,
                    multiplier: recipe.generatorMultiplier, name: "language_head",
                    table: recipe.mainEmbeddings.word, parameters)
            }
            if objective.name.isGated {
                gated = CopyGatedCrossEntropy(
                    targets: targets, inputs: predicted.map { corrupted[$0] }, weight: 1 / Double(targets.count))
            } else if objective.name.prediction != .none {
                plain = SoftmaxCrossEntropy(targets: targets)
            }
            if objective.contrast > 0 {
                let heads = try recipe.contrasted.map { segments in
                    (
                        try ContrastiveHead(
                            recipe.main, rows: segments.map { batch.segments.offsets[$0] }, parameters),
                        try ContrastiveHead(
                            recipe.main, rows: segments.map { recipe.crops.segments.offsets[$0] }, parameters),
                        ContrastiveLoss(temperature: objective.contrastiveTemperature)
                    )
                }
                second = (try encoder(recipe.crops.segments, .none), heads)
            }
        }

        mutating func forward() -> RecipeLosses {
            let objective = recipe.objective
            var losses = RecipeLosses()
            if var parts = generator {
                losses.generator = parts.loss.forward(parts.head.forward(parts.network.forward(batch.maskedTokens)))
                if objective.trainsGenerator { losses.total += objective.generatorWeight * losses.generator }
                generator = parts
            }
            let hidden = main.forward(mainInput)
            if var parts = detection {
                gates = parts.head.forward(hidden).values
                let chosen = Matrix(rows: parts.rows.count, columns: 1, values: parts.rows.map { gates[$0] })
                losses.detection = parts.loss.forward(chosen)
                if objective.name.detects { losses.total += objective.discriminatorWeight * losses.detection }
                detection = parts
            }
            if let logits = simplified?.forward(hidden) ?? transformed?.forward(hidden) {
                let open = predicted.map { row in (fixedGates ?? gates).isEmpty ? 0 : (fixedGates ?? gates)[row] }
                if objective.weighsByDetection { plain?.factors = open.map { 1 / (1 + exp(-$0)) } }
                losses.corrective = plain?.forward(logits) ?? gated?.forward(logits, gates: open) ?? 0
                losses.total += objective.correction * losses.corrective
            }
            if var parts = second {
                let cropped = parts.network.forward(recipe.crops.tokens)
                for index in parts.heads.indices {
                    let one = parts.heads[index].0.forward(hidden)
                    let other = parts.heads[index].1.forward(cropped)
                    losses.contrastive += parts.heads[index].2.forward(one, other)
                }
                losses.contrastive /= Double(batch.segments.offsets.count - 1)
                losses.total += objective.contrast * losses.contrastive
                second = parts
            }
            return losses
        }

        /// Adds `upstream` times the gradient of the total to the gradients of the parameters.
        mutating func backward(upstream: Double = 1) {
            let objective = recipe.objective
            var gradient = Matrix(zeros: text.count, recipe.main.hiddenSize)
            var logitGradient = Matrix(zeros: text.count, 1)
            if objective.name.detects, let detection {
                let chosen = detection.loss.backward(upstream: upstream * objective.discriminatorWeight)
                for (index, row) in detection.rows.enumerated() { logitGradient[row, 0] += chosen[index, 0] }
            }
            var languageGradient: Matrix?
            if let plain {
                languageGradient = plain.backward(upstream: upstream * objective.correction)
            } else if let gated {
                let gradients = gated.backward(upstream: upstream * objective.correction)
                languageGradient = gradients.logits
                if objective.name == .allTokensMLM {
                    for (index, row) in predicted.enumerated() { logitGradient[row, 0] += gradients.gates[index] }
                }
            }
            if let languageGradient {
                gradient =
                    gradient
                    + (simplified?.backward(upstream: languageGradient)
                        ?? transformed?.backward(upstream: languageGradient) ?? gradient)
            }
            if var parts = detection {
                gradient = gradient + parts.head.backward(upstream: logitGradient)
                detection = parts
            }
            if var parts = second {
                var cropGradient = Matrix(zeros: recipe.crops.tokens.count, recipe.main.hiddenSize)
                let factor = upstream * objective.contrast / Double(batch.segments.offsets.count - 1)
                for index in parts.heads.indices {
                    let pair = parts.heads[index].2.backward(upstream: factor)
                    gradient = gradient + parts.heads[index].0.backward(upstream: pair.first)
                    cropGradient = cropGradient + parts.heads[index].1.backward(upstream: pair.second)
                }
                parts.network.backward(upstream: cropGradient)
                second = parts
            }
            main.backward(upstream: gradient)
            guard objective.trainsGenerator, var parts = generator else { return }
            let logits = parts.loss.backward(upstream: upstream * objective.generatorWeight)
            parts.network.backward(upstream: parts.head.backward(upstream: logits))
            generator = parts
        }
    }
}
