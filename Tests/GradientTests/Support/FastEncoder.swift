import Encoder
import Kernels
import Parametrization
import TestSupport
import Testing

/// One network of the engine beside its reference, on random tokens.
struct FastEncoder {
    let model: ModelConfiguration
    let segments: [Int]
    let firstRow: Int
    let kind: NetworkKind
    let vocabulary = 29
    var products = PassProducts.float32
    /// Of hidden states and of gradients, relative to the largest element of a tensor.
    var tolerances = (states: 2e-5, gradients: 5e-5)

    init(_ model: ModelConfiguration, segments: [Int], firstRow: Int = 0, _ kind: NetworkKind = .discriminator) {
        self.kind = kind
        self.model = model
        self.segments = segments
        self.firstRow = firstRow
    }

    /// Compares hidden states, and the gradients of all parameters under a random upstream gradient.
    ///
    /// - Returns: the largest relative error of a hidden state.
    @discardableResult
    func expectEqualToReference(sourceLocation: SourceLocation = #_sourceLocation) throws -> Double {
        var parametrization = ParametrizationConfiguration()
        parametrization.attentionMultiplier = 1.5
        let tokens = segments[segments.count - 1]
        let width = model.hiddenSize
        let longest = zip(segments, segments.dropFirst()).map { $1 - $0 }.max() ?? 0

        var builder = ParameterBuilder(model)
        var plan = ActivationPlan()
        let shared = SharedEmbeddings(&builder, model: model, vocabularySize: vocabulary)
        let network = EncoderNetwork(
            kind, &builder, &plan, model: model, parametrization: parametrization, shared: shared,
            tokens: tokens, longestSegment: longest)
        let fast = FastParameters(builder.finished(), seed: 7)
        let arena = FloatBuffer(count: plan.count)
        let stream = DropoutStream(seed: 11, step: 3)
        var random = SplitMix64(seed: 5)
        let ids = (0..<tokens).map { _ in Int32.random(in: 0..<Int32(vocabulary), using: &random) }
        var pass = LanePass(
            weights: fast.weights.base, gradients: fast.gradients.base, arena: arena.base, dropout: stream,
            chunk: ChunkGeometry(
                firstRow: firstRow, tokenCount: tokens, segmentOffsets: segments.map { $0 + firstRow }))
        pass.products = products
        let hidden = ids.withUnsafeBufferPointer { network.forward($0, pass) }
        let actual = (0..<tokens * width).map { hidden.base[$0] }

        let parameters = try fast.reference()
        let dropout = Reference.EncoderDropout(model, kind, stream, segments: segments, firstRow: firstRow)
        var reference = try Reference.Encoder(
            .init(
                model, kind, vocabularySize: vocabulary,
                attentionScale: parametrization.attentionScale(headSize: width / model.headCount)),
            prefix: "\(kind.rawValue).", segments: .init(offsets: segments), dropout: dropout, parameters)
        let expected = reference.forward(ids.map { Int($0) })
        #expect(parameters.unrequested == [], sourceLocation: sourceLocation)
        var comparison = GradientComparison.float
        comparison.compare("hidden", shape: [tokens, width], actual: actual, expected: expected.values)
        #expect(comparison.isWithin(tolerances.states), "\(comparison)", sourceLocation: sourceLocation)

        let upstream = random.matrix(tokens, width)
        let gradient = FloatBuffer(count: tokens * width)
        for index in 0..<tokens * width { gradient.base[index] = Float(upstream.values[index]) }
        // A second pass over what the first left behind: nothing may depend on memory being fresh.
        for _ in 0..<2 {
            fast.gradients.zero()
            for index in 0..<tokens * width { gradient.base[index] = Float(upstream.values[index]) }
            ids.withUnsafeBufferPointer {
                _ = network.forward($0, pass)
                network.backward(Matrix(gradient.base, rows: tokens, columns: width), tokens: $0, pass)
            }
        }
        withExtendedLifetime(arena) {}
        reference.backward(upstream: upstream)
        var gradients = GradientComparison.float
        gradients.compare(gradients: fast.namedGradients(), with: parameters)
        #expect(gradients.isWithin(tolerances.gradients), "\(gradients)", sourceLocation: sourceLocation)
        return comparison.worst?.error ?? .nan
    }
}
