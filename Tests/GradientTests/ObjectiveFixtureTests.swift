import Testing

/// The reference against other software: central differences cannot see a forward that computes the wrong function.
@Suite("Reference against other software")
struct ObjectiveFixtureTests {
    @Test(
        "Hidden states, logits, losses and gradients",
        arguments: [
            ("hugging_face", .post, .learned(maximum: 5)), ("mix_rotary", .mix(alpha: 0.5), .rotary(base: 100)),
        ] as [(String, Reference.NormPlacement, Reference.Positions)])
    func objective(name: String, placement: Reference.NormPlacement, positions: Reference.Positions) throws {
        let fixture = try ObjectiveFixture.load(name)
        let parameters = Reference.Parameters()
        for tensor in fixture.parameters {
            try parameters.add(tensor.name, shape: tensor.shape, values: tensor.values)
        }
        let encoder = { (network: String) throws in
            let sizes = try #require(fixture.sizes[network])
            return Reference.EncoderConfiguration(
                vocabularySize: 11, embeddingSize: 6, hiddenSize: sizes[0], feedForwardSize: sizes[1], layers: 2,
                heads: 2, positions: positions, placement: placement, normEpsilon: 1e-6)
        }
        let batch = Reference.ElectraBatch(
            maskedTokens: fixture.batch.maskedTokens, positions: fixture.batch.positions,
            targets: fixture.batch.targets, replacements: fixture.batch.replacements,
            segments: .init(offsets: fixture.batch.segmentOffsets))
        var objective = try Reference.ElectraObjective(
            .init(generator: encoder("generator"), discriminator: encoder("discriminator")), batch: batch, parameters)
        let losses = objective.forward()
        objective.backward()
        #expect(parameters.unrequested == [])

        var outputs = GradientComparison.double
        let compare = { (name: String, actual: Reference.Matrix, expected: [Double]) in
            outputs.compare(name, shape: [actual.rows, actual.columns], actual: actual.values, expected: expected)
        }
        compare("generator_hidden", objective.generatorHidden, fixture.generatorHidden)
        compare("generator_logits", objective.generatorLogits, fixture.generatorLogits)
        compare("discriminator_hidden", objective.discriminatorHidden, fixture.discriminatorHidden)
        compare("discriminator_logits", objective.discriminatorLogits, fixture.discriminatorLogits)
        outputs.compare(
            "losses", shape: [3], actual: [losses.generator, losses.discriminator, losses.total],
            expected: fixture.losses)
        #expect(outputs.isWithin(1e-9), "\(outputs)")

        var gradients = GradientComparison.double
        for tensor in fixture.parameters {
            let parameter = try #require(parameters[tensor.name])
            gradients.compare(
                tensor.name, shape: tensor.shape, actual: parameter.gradient, expected: tensor.gradient)
        }
        #expect(gradients.isWithin(1e-8), "\(gradients)")
    }
}
