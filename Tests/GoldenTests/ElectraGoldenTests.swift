import Encoder
import Objectives
import TestSupport
import Testing

/// The engine against Hugging Face's ElectraForMaskedLM and ElectraForPreTraining in double precision.
@Suite("Golden: ELECTRA")
struct ElectraGoldenTests {
    static let fixtures = ["electra", "electra-unprojected"]
    static let tolerance = 1e-5

    @Test("The fixture has exactly the engine's parameters", arguments: fixtures)
    func parameters(name: String) throws {
        let golden = try GoldenModel(name)
        let others = ["input.", "output.", "gradient.", "multiplied."]
        let names = golden.file.names.filter { name in !others.contains { name.hasPrefix($0) } }
        #expect(Set(names) == Set(golden.layout.specs.map(\.name)))
    }

    @Test("Hidden states and logits", arguments: fixtures)
    func outputs(name: String) throws {
        let golden = try GoldenModel(name)
        for (network, tokens) in [(NetworkKind.generator, golden.generatorIDs), (.discriminator, golden.corrupted)] {
            let hidden = golden.objective.hiddenStates(of: network, tokens, golden.pass())
            let expected = try golden.file.doubles(of: "output.\(network.rawValue).hidden")
            #expect(relativeError(doubles(hidden), expected) < Self.tolerance, "\(network)")
        }
        let logits = golden.objective.generatorLogits(golden.generatorIDs, rows: golden.positions, golden.pass())
        #expect(
            try relativeError(doubles(logits), golden.file.doubles(of: "output.generator.logits")) < Self.tolerance)
        let detection = golden.objective.detect(golden.corrupted, golden.pass())
        #expect(
            try relativeError(doubles(detection), golden.file.doubles(of: "output.discriminator.logits"))
                < Self.tolerance)
    }

    @Test("Losses and the gradient of every parameter, as one chunk and as many", arguments: fixtures, [false, true])
    func gradients(name: String, isSplit: Bool) throws {
        let golden = try GoldenModel(name)
        let count = golden.work.batch.sequenceCount
        var sums = LossSums()
        var logits: [Float] = []
        var corrupted: [Int32] = []
        for range in isSplit ? (0..<count).map({ $0..<$0 + 1 }) : [0..<count] {
            let outcome = golden.objective.run(golden.work, golden.pass(sequences: range, learns: true))
            sums += outcome.sums
            logits += outcome.logits
            corrupted += outcome.corrupted
        }
        #expect(corrupted == golden.corrupted)
        #expect(
            try relativeError(doubles(logits), golden.file.doubles(of: "output.discriminator.logits"))
                < Self.tolerance)
        let replaced: [Int] = try golden.file.integers(of: "input.replaced")
        #expect(sums.replacedCount == replaced.reduce(0, +))
        #expect(sums.tokenCount == replaced.count && sums.maskedCount == golden.positions.count)
        let total =
            sums.meanGeneratorLoss + golden.objective.configuration.discriminatorWeight * sums.meanDiscriminatorLoss
        for (loss, name) in [
            (sums.meanGeneratorLoss, "generator"), (sums.meanDiscriminatorLoss, "discriminator"), (total, "total"),
        ] {
            let expected = try golden.file.doubles(of: "output.loss.\(name)")[0]
            #expect(abs(loss - expected) < Self.tolerance * expected, "loss of \(name)")
        }
        try golden.checkGradients(tolerance: Self.tolerance)
    }

    @Test("Logits with attention and output multipliers", arguments: fixtures)
    func multiplied(name: String) throws {
        let generator = try GoldenModel(name, multipliersOf: .generator)
        let logits = generator.objective.generatorLogits(
            generator.generatorIDs, rows: generator.positions, generator.pass())
        #expect(
            try relativeError(doubles(logits), generator.file.doubles(of: "multiplied.generator.logits"))
                < Self.tolerance)
        let discriminator = try GoldenModel(name, multipliersOf: .discriminator)
        let detection = discriminator.objective.detect(discriminator.corrupted, discriminator.pass())
        #expect(
            try relativeError(doubles(detection), discriminator.file.doubles(of: "multiplied.discriminator.logits"))
                < Self.tolerance)
    }
}
