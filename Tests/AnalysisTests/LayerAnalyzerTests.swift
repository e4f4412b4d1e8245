import Analysis
import Corpus
import Encoder
import Engine
import Kernels
import Testing

@Suite("Layer analysis")
struct LayerAnalyzerTests {
    static let batches = [AnalyzedModel.batch(seed: 3), AnalyzedModel.batch(seed: 4, sequences: 5)]

    private func analyze(_ engine: TrainingEngine, _ batches: [TokenBatch] = batches) throws -> ModelAnalysis {
        try LayerAnalyzer(batches: batches).analyze(engine, label: "model", step: 7)
    }

    @Test("A network has its layers, and threads change nothing", arguments: NormalizationPlacement.allCases)
    func threads(placement: NormalizationPlacement) throws {
        let configuration = AnalyzedModel.configuration { $0.model.normalization.placement = placement }
        let analysis = try analyze(try AnalyzedModel.engine(configuration, threads: 1))
        #expect(analysis.networks.map(\.network) == ["generator", "discriminator"])
        #expect(analysis.networks.map(\.lossChanges.count) == [2, 3])
        #expect(analysis.networks.map(\.stateSizes.count) == [3, 4])
        #expect(analysis.networks.map { $0.angularDistanceMatrix.map(\.count) } == [[2, 1], [3, 2, 1]])
        for network in analysis.networks {
            #expect(network.angularDistances == network.angularDistanceMatrix.map { $0[0] })
            #expect(network.angularDistances.allSatisfy { $0 > 0 && $0 < 1 })
            #expect((network.gradientNorms + network.weightNorms + network.stateSizes).allSatisfy { $0 > 0 })
            #expect(network.lossChanges.allSatisfy { $0.isFinite && $0 != 0 })
        }
        #expect(try analyze(try AnalyzedModel.engine(configuration, threads: 3)) == analysis)
    }

    @Test("It leaves the engine as it was, and training goes on as if nothing had been")
    func leavesNothing() throws {
        let engine = try AnalyzedModel.engine(AnalyzedModel.configuration())
        let other = try AnalyzedModel.engine(AnalyzedModel.configuration())
        _ = try analyze(engine)
        for step in 1...2 {
            let batch = AnalyzedModel.batch(seed: UInt64(10 + step))
            #expect(try engine.train(batch, step: step).loss == other.train(batch, step: step).loss)
            _ = try analyze(engine)
        }
        #expect(engine.state.weights.elements.elementsEqual(other.state.weights.elements))
    }

    @Test("A removed layer is a model without it", arguments: [NormalizationPlacement.pre, .post, .peri])
    func removal(placement: NormalizationPlacement) throws {
        let engine = try AnalyzedModel.engine(
            AnalyzedModel.configuration { $0.model.normalization.placement = placement })
        let found = try analyze(engine).networks
        for (network, layers) in [("generator", 2), ("discriminator", 3)] {
            for removed in 0..<layers {
                let shallow = try AnalyzedModel.engine(
                    AnalyzedModel.configuration {
                        $0.model.normalization.placement = placement
                        if network == "generator" { $0.model.generator.layerCount = 1 }
                        if network == "discriminator" { $0.model.layerCount = 2 }
                    })
                for spec in shallow.state.layout.specs {
                    var name = spec.name
                    for layer in (removed..<layers).reversed() {
                        let prefix = "\(network).layers.\(layer)."
                        if name.hasPrefix(prefix) {
                            name = "\(network).layers.\(layer + 1)." + name.dropFirst(prefix.count)
                            break
                        }
                    }
                    let source = try #require(engine.state.layout[name], "\(name)")
                    for i in 0..<spec.count {
                        shallow.state.weights.base[spec.offset + i] = engine.state.weights.base[source.offset + i]
                    }
                }
                let expected = try #require(analyze(shallow).networks.first { $0.network == network })
                let actual = try #require(found.first { $0.network == network })
                #expect(actual.lossChanges[removed] == expected.loss - actual.loss)
            }
        }
    }

    @Test("With a mask decoder a removed layer reads nothing that was there before")
    func maskDecoder() throws {
        let configuration = AnalyzedModel.configuration {
            $0.model.positions = .none
            $0.model.normalization.placement = .post
            $0.model.generator.maskDecoder = true
        }
        let engine = try AnalyzedModel.engine(configuration, threads: 1)
        let analysis = try analyze(engine)
        #expect(analysis.networks[0].lossChanges.allSatisfy { $0.isFinite && $0 != 0 })
        // The memory of one thread, and of one that has just computed something else.
        _ = try analyze(engine, [AnalyzedModel.batch(seed: 9, sequences: 3)])
        #expect(try analyze(engine) == analysis)
        #expect(try analyze(try AnalyzedModel.engine(configuration, threads: 3)) == analysis)
    }

    @Test("A layer that adds nothing turns nothing and is not missed")
    func identity() throws {
        let engine = try AnalyzedModel.engine(
            AnalyzedModel.configuration { $0.model.normalization.placement = .pre })
        for spec in engine.state.layout.specs
        where spec.name.hasPrefix("discriminator.layers.1.") && spec.name.contains(".output.") {
            for i in 0..<spec.count { engine.state.weights.base[spec.offset + i] = 0 }
        }
        let discriminator = try analyze(engine).networks[1]
        #expect(discriminator.lossChanges[1] == 0)
        #expect(discriminator.angularDistances[1] < 1e-7)
        #expect(discriminator.stateSizes[1] == discriminator.stateSizes[2])
        #expect(discriminator.angularDistances[0] > 0.01 && discriminator.lossChanges[0] != 0)
    }

    @Test("The gradient norm is the slope of the loss along the gradient", arguments: ["generator", "discriminator"])
    func slope(network: String) throws {
        let configuration = AnalyzedModel.configuration {
            // A weight of 1 each: a change of the generator changes the samples, so only its own loss is looked at.
            $0.objective.discriminatorWeight = network == "generator" ? 0 : 1
            $0.model.dropout = 0.5
        }
        let engine = try AnalyzedModel.engine(configuration)
        let batch = AnalyzedModel.batch(seed: 3)
        let prefix = "\(network).layers.1."
        var gradient: [(offset: Int, value: Double)] = []
        try engine.withGradients(batch, index: 0) { name, values in
            guard name.hasPrefix(prefix), let spec = engine.state.layout[name] else { return }
            gradient += values.enumerated().map { (spec.offset + $0, $1) }
        }
        let norm = gradient.reduce(0) { $0 + $1.value * $1.value }.squareRoot()
        let layer = network == "generator" ? 0 : 1
        let found = try LayerAnalyzer(batches: [batch]).analyze(engine, label: "", step: 0).networks[layer]
            .gradientNorms[1]
        #expect(abs(found - norm) < 1e-9 * norm)
        func loss(_ distance: Double) throws -> Double {
            for (offset, value) in gradient { engine.state.weights.base[offset] += Float(distance * value / norm) }
            defer {
                for (offset, value) in gradient { engine.state.weights.base[offset] -= Float(distance * value / norm) }
            }
            let sums = try engine.evaluate(batch, index: 0) { _, _, _ in }
            return network == "generator" ? sums.meanGeneratorLoss : sums.meanDiscriminatorLoss
        }
        let slope = try (loss(0.01) - loss(-0.01)) / 0.02
        #expect(abs(slope - norm) < 0.01 * norm, "\(slope) instead of \(norm)")
    }
}

@Suite("Layer observer")
struct LayerObserverTests {
    private func summary(_ states: [[[Float]]]) -> LayerObserver.Summary? {
        let observer = LayerObserver()
        // Two chunks, out of order.
        for row in [1, 0] {
            let buffers = states.map { state in
                let buffer = FloatBuffer(count: state[row].count)
                for (i, value) in state[row].enumerated() { buffer.base[i] = value }
                return buffer
            }
            observer.record(
                buffers.map { Matrix($0.base, rows: 1, columns: $0.count) }, of: .discriminator,
                ChunkGeometry(firstRow: row, tokenCount: 1, segmentOffsets: [0, 1, 2]))
            withExtendedLifetime(buffers) {}
        }
        return observer.summary(of: .discriminator)
    }

    @Test("Angles of vectors that are known")
    func angles() throws {
        let root = Float(3).squareRoot()
        let states: [[[Float]]] = [
            [[1, 0, 0, 0], [0, 2, 0, 0]],
            // 60° and 90° away; then opposite and the same.
            [[1, root, 0, 0], [0, 0, 5, 0]],
            [[-2, -2 * root, 0, 0], [0, 0, 1, 0]],
        ]
        let found = try #require(summary(states))
        #expect(found.tokens == 2)
        let expected = [[(1.0 / 3 + 0.5) / 2, (2.0 / 3 + 0.5) / 2], [0.5], []]
        for (row, values) in zip(found.angularDistances, expected) {
            #expect(row.count == values.count)
            for (a, b) in zip(row, values) { #expect(abs(a - b) < 1e-7) }
        }
        #expect(abs(found.rootMeanSquares[0] - (5.0 / 8).squareRoot()) < 1e-7)
        #expect(LayerObserver().summary(of: .generator) == nil)
    }

    @Test("A state of zeros is orthogonal to all") func zeros() throws {
        let found = try #require(summary([[[1, 0, 0, 0], [1, 1, 1, 1]], [[0, 0, 0, 0], [0, 0, 0, 0]]]))
        #expect(found.angularDistances[0] == [0.5])
        #expect(found.rootMeanSquares[1] == 0)
    }
}
