import Encoder
import Kernels
import Objectives
import TestSupport
import Testing

/// One step of METRO, COCO-LM and DeBERTaV3's detection against plain torch around transformers' encoders, in double
/// precision: simplified and copy-gated correction, contrast of sequences, gradient-disentangled embeddings.
@Suite("Golden: recipes")
struct RecipeGoldenTests {
    static let fixtures = ["recipe-metro", "recipe-coco-lm", "recipe-deberta-v3"]
    static let tolerance = 2e-5

    @Test("The fixture has exactly the engine's parameters", arguments: fixtures)
    func parameters(name: String) throws {
        let golden = try GoldenModel(name)
        let others = ["input.", "output.", "gradient."]
        let names = golden.file.names.filter { name in !others.contains { name.hasPrefix($0) } }
        #expect(Set(names) == Set(golden.layout.specs.map(\.name)))
    }

    @Test("Logits, every loss and the gradient of every parameter", arguments: fixtures)
    func step(name: String) throws {
        let golden = try GoldenModel(name)
        let outcome = golden.objective.run(golden.work, golden.pass(learns: true))
        golden.returnGradients()
        #expect(outcome.corrupted == golden.corrupted)
        #expect(
            try relativeError(doubles(outcome.logits), golden.file.doubles(of: "output.discriminator.logits"))
                < Self.tolerance)
        let sums = outcome.sums
        let losses = [
            "generator": sums.meanGeneratorLoss, "detection": sums.meanDiscriminatorLoss,
            "corrective": sums.meanCorrectiveLoss, "contrastive": sums.meanContrastiveLoss,
            "total": golden.objective.configuration.total(sums),
        ]
        for (kind, loss) in losses {
            let isThere = golden.file.shape(of: "output.loss.\(kind)") != nil
            let expected = isThere ? try golden.file.doubles(of: "output.loss.\(kind)")[0] : 0
            #expect(abs(loss - expected) <= Self.tolerance * expected, "\(kind)")
        }
        try golden.checkGradients(tolerance: Self.tolerance)
    }
}
