import Encoder
import Objectives
import Parametrization
import TestSupport
import Testing

/// The reference's recipes and their parts against central differences.
@Suite("Recipe gradients")
struct RecipeGradientTests {
    @Test("Gradients of all parameters", arguments: FastRecipeTests.cases.filter { $0.dropout == 0 })
    func gradients(_ test: FastRecipeTests.Case) throws {
        var model = ModelConfiguration()
        model.hiddenSize = 4
        model.headCount = 1
        model.intermediateSize = 5
        model.layerCount = 1
        model.embeddingSize = 4
        model.generator.widthMultiplier = 1
        model.maximumPositions = 16
        model.normalization.epsilon = 1e-6
        var configuration = ObjectiveConfiguration()
        configuration.maskFraction = 0.3
        configuration.discriminatorWeight = 5
        test.change(&configuration, &model)
        model.embeddingSize = 4
        var parametrization = ParametrizationConfiguration()
        parametrization.outputMultiplier = 0.75
        let work = TwoSequences.work(configuration, isReplaced: true, types: test.types)
        var batch = TwoSequences.reference(work, work.batch.tokens)
        batch.replacements = work.replacements!.map { Int($0) }
        let parameters = Reference.Parameters(drawnFrom: 50)
        var recipe = FastRecipeTests.recipe(configuration, model, parametrization, work)
        recipe.mainMultiplier = 0.5
        var objective = try Reference.RecipeObjective(
            recipe, text: work.batch.tokens.map { Int($0) }, batch: batch, parameters)
        _ = objective.forward()
        // Where the gradient stops at the gate, so does the difference.
        if configuration.name == .cocoLM || configuration.weighsByDetection {
            objective.fixedGates = objective.gates
        }
        // A large table costs most of the time and is read alike in all rows.
        let checked = parameters.all.filter { $0.values.count < 60 || $0.name.hasSuffix("embeddings.word") }
        #expect(checked.count > 10)
        expectGradients(
            of: checked, tolerance: 1e-6, function: { 0.75 * objective.forward().total },
            backward: { objective.backward(upstream: 0.75) })
    }

    @Test("Copy gate: logits and gates", arguments: [true, false])
    func copyGate(isCopied: Bool) {
        var generator = SplitMix64(seed: 61)
        var loss = Reference.CopyGatedCrossEntropy(
            targets: [2, 0, 3], inputs: isCopied ? [2, 0, 3] : [1, 2, 2], weight: 0.25)
        let logits = Reference.Parameter("logits", shape: [3, 4], values: generator.matrix(3, 4).values)
        let gates = Reference.Parameter("gates", shape: [3], values: generator.matrix(1, 3).values)
        expectGradients(
            of: [logits, gates],
            function: { loss.forward(.init(rows: 3, columns: 4, values: logits.values), gates: gates.values) },
            backward: {
                let gradients = loss.backward(upstream: 1)
                logits.accumulate(gradients.logits.values)
                gates.accumulate(gradients.gates)
            })
    }

    @Test("Contrastive loss", arguments: [1.0, 0.3])
    func contrast(temperature: Double) {
        var generator = SplitMix64(seed: 62)
        var loss = Reference.ContrastiveLoss(temperature: temperature)
        let first = Reference.Parameter("first", shape: [3, 5], values: generator.matrix(3, 5).values)
        let second = Reference.Parameter("second", shape: [3, 5], values: generator.matrix(3, 5).values)
        expectGradients(
            of: [first, second],
            function: {
                loss.forward(
                    .init(rows: 3, columns: 5, values: first.values), .init(rows: 3, columns: 5, values: second.values))
            },
            backward: {
                let gradients = loss.backward(upstream: 1)
                first.accumulate(gradients.first.values)
                second.accumulate(gradients.second.values)
            })
    }
}
