import TestSupport
import Testing

/// The whole objective: masked language modelling plus weighted replaced-token detection over shared embeddings.
@Suite("ELECTRA objective")
struct ElectraGradientTests {
    static let batch = Reference.ElectraBatch(
        maskedTokens: [1, 4, 3, 4, 2, 5, 4, 8], positions: [1, 3, 6, 2], targets: [7, 6, 5, 3],
        replacements: [0, 6, 8, 3], segments: .init(offsets: [0, 5, 8]))

    @Test(
        "Gradients of all parameters",
        arguments: [
            (.post, .learned(maximum: 5), 0), (.pre, .rotary(base: 100), 0.2),
            (.mix(alpha: 0.5), .rotary(base: 100), 0),
        ] as [(Reference.NormPlacement, Reference.Positions, Double)])
    func gradients(placement: Reference.NormPlacement, positions: Reference.Positions, probability: Double) throws {
        let configuration = Reference.ElectraConfiguration(
            generator: .tiny(hidden: 5, layers: 2, placement: placement, positions: positions),
            discriminator: .tiny(hidden: 6, layers: 2, heads: 2, placement: placement, positions: positions),
            discriminatorWeight: 5, generatorOutputMultiplier: 0.5, discriminatorOutputMultiplier: 0.25)
        var batch = Self.batch
        batch.positionWeight = 0.125
        batch.tokenWeight = 0.0625
        let parameters = Reference.Parameters(drawnFrom: 40)
        var generator = SplitMix64(seed: 41)
        let dropout = { (encoder: Reference.EncoderConfiguration) in
            probability == 0
                ? Reference.EncoderDropout.none
                : generator.encoderDropout(encoder, tokens: batch.maskedTokens.count, probability: probability)
        }
        var objective = try Reference.ElectraObjective(
            configuration, batch: batch, generatorDropout: dropout(configuration.generator),
            discriminatorDropout: dropout(configuration.discriminator), parameters)
        let upstream = generator.normal()
        expectGradients(
            of: parameters.all, function: { upstream * objective.forward().total },
            backward: { objective.backward(upstream: upstream) })
    }

    @Test("A sample that equals the original counts as original")
    func labels() {
        #expect(Self.batch.corruptedTokens == [1, 0, 3, 6, 2, 5, 8, 8])
        #expect(Self.batch.isReplaced == [false, true, false, false, false, false, true, false])
    }
}
