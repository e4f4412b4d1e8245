import Configuration
import Encoder
import Engine
import Kernels
import Objectives
import Optimization
import Pretraining
import Testing

/// Every objective with every source of replacements, way of sharing, kind of head and number of optimizers: what passes
/// validation trains, and what does not is refused by name.
@Suite("Combinations of recipes")
struct RecipeCombinationTests {
    struct Combination: CustomTestStringConvertible {
        var objective: ObjectiveName
        var replacements: ReplacementSource
        var testDescription: String { "\(objective.rawValue), \(replacements.rawValue)" }
    }

    static let combinations = ObjectiveName.allCases.flatMap { objective in
        ReplacementSource.allCases.map { Combination(objective: objective, replacements: $0) }
    }

    private static func configuration(
        _ combination: Combination, _ sharing: EmbeddingSharing, _ head: DetectionHeadKind, separate: Bool
    ) -> RunConfiguration {
        EngineTests.configuration {
            $0.objective.name = combination.objective
            $0.objective.replacements = combination.replacements
            if combination.replacements == .frozen { $0.objective.frozenGenerator.checkpoint = "elsewhere" }
            $0.model.embeddingSize = 32
            $0.model.layerCount = 1
            $0.model.embeddingSharing = sharing
            $0.model.detectionHead = head
            $0.optimizer.separate = separate
        }
    }

    /// Written anew from what the parts need, not from the checks.
    private static func isSound(
        _ combination: Combination, _ sharing: EmbeddingSharing, _ head: DetectionHeadKind, separate: Bool
    ) -> Bool {
        let masks = combination.objective == .maskedLanguageModel
        if masks, combination.replacements != .generator { return false }
        let trainsTwo = !masks && combination.replacements == .generator
        if separate, !trainsTwo { return false }
        let hasTwo = !masks && combination.replacements != .random
        if !hasTwo, sharing != .shared { return false }
        if combination.replacements == .frozen, sharing == .shared || sharing == .tokenOnly { return false }
        let hasHead = ![.maskedLanguageModel, .replaceMLM].contains(combination.objective)
        return hasHead || head == .dense
    }

    @Test("What is sound trains, the rest is refused", arguments: combinations)
    func soundOrRefused(_ combination: Combination) throws {
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        for sharing in EmbeddingSharing.allCases {
            for head in DetectionHeadKind.allCases {
                for separate in [false, true] {
                    let name = "\(sharing.rawValue), \(head.rawValue), separate: \(separate)"
                    let configuration = Self.configuration(combination, sharing, head, separate: separate)
                    guard Self.isSound(combination, sharing, head, separate: separate) else {
                        let error = #expect(throws: (any Error).self, "\(name)") {
                            try ConfigurationLookup.validate(configuration)
                        }
                        let text = error.map { "\($0)" } ?? ""
                        #expect(["model.", "objective.", "optimizer."].contains { text.contains($0) }, "\(text)")
                        continue
                    }
                    try ConfigurationLookup.validate(configuration)
                    let engine = try TrainingEngine(
                        configuration.engine, vocabularySize: EngineTests.vocabulary, special: EngineTests.special,
                        pool: pool)
                    engine.initialize()
                    let outcome = try engine.train(EngineTests.batch(sequences: 6, seed: 1), step: 1)
                    #expect(outcome.loss.isFinite && outcome.loss > 0, "\(name)")
                    #expect(outcome.gradientNorm.isFinite && outcome.gradientNorm > 0, "\(name)")
                }
            }
        }
    }
}
