import Analysis
import Encoder
import Foundation
import Pretraining
import Testing

/// Networks that do not learn, or are not there, are no reason to fail.
@Suite("Analysis of recipes")
struct RecipeAnalysisTests {
    struct Recipe: CustomTestStringConvertible {
        var testDescription: String
        var networks: [String]
        var change: @Sendable (inout RunConfiguration) -> Void
    }

    static let recipes = [
        Recipe(testDescription: "frozen", networks: ["generator", "discriminator"]) {
            $0.objective.replacements = .frozen
            $0.model.embeddingSharing = .separate
        },
        Recipe(testDescription: "random", networks: ["discriminator"]) { $0.objective.replacements = .random },
        Recipe(testDescription: "masked language model", networks: ["discriminator"]) {
            $0.objective.name = .maskedLanguageModel
        },
        Recipe(testDescription: "coco_lm, disentangled", networks: ["generator", "discriminator"]) {
            $0.objective.name = .cocoLM
            $0.model.embeddingSize = 32
            $0.model.embeddingSharing = .disentangled
            $0.optimizer.separate = true
        },
    ]

    @Test("Every layer of every network is measured, and the report is written", arguments: Self.recipes)
    func layers(_ recipe: Recipe) throws {
        let engine = try AnalyzedModel.engine(AnalyzedModel.configuration(recipe.change))
        engine.weightsChanged()
        let analysis = try LayerAnalyzer(batches: [AnalyzedModel.batch(seed: 3)]).analyze(engine, label: "one", step: 0)
        #expect(analysis.networks.map(\.network) == recipe.networks)
        for network in analysis.networks {
            let count = network.network == "generator" ? 2 : 3
            #expect(network.gradientNorms.count == count && network.angularDistances.count == count)
            #expect(network.stateSizes.count == count + 1)
            #expect(network.lossChanges.allSatisfy { $0.isFinite && $0 != 0 })
            #expect(network.angularDistances.allSatisfy { $0 > 0 && $0 < 1 })
            let isFrozen = network.network == "generator" && recipe.testDescription == "frozen"
            #expect(network.gradientNorms.allSatisfy { $0.isFinite && ($0 == 0) == isFrozen })
        }
        let folder = NSTemporaryDirectory() + "/analysis-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try AnalysisReport([analysis]).write(to: folder)
    }
}
