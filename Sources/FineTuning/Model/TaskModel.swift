import Encoder
import Kernels
import Parametrization

/// A pretrained encoder under a head for a task, over one parameter buffer and one plan of activations.
public struct TaskModel: Sendable {
    public let layout: ParameterLayout
    /// Floats of activation memory that each worker needs.
    public let activationCount: Int
    public let outputCount: Int
    let pooling: TaskPooling
    /// Most tokens of a chunk, and of a text.
    public let chunkTokens: Int
    public let longestText: Int
    /// Lower layers that stay as they are, and with them embeddings and what all layers share; 0: all moves.
    let frozenLayers: Int
    let encoder: EncoderNetwork
    let head: TaskHead
    let gradient: ActivationSlot

    /// - Parameters:
    ///   - model: of the pretrained networks; the discriminator's is taken.
    ///   - chunkTokens: tokens that are carried at a time, at least those of the longest text.
    ///   - longestExample: tokens of a text with its alternatives, which are carried together.
    ///   - readsTokens: whether the head reads single tokens instead of texts as a whole.
    ///   - frozenLayers: lower layers that training does not move, at most all.
    public init(
        model: ModelConfiguration, parametrization: ParametrizationConfiguration, vocabularySize: Int,
        longestText: Int, chunkTokens: Int, outputCount: Int, pooling: TaskPooling, longestExample: Int = 0,
        readsTokens: Bool = false, frozenLayers: Int = 0
    ) {
        self.frozenLayers = frozenLayers
        let chunkTokens = max(chunkTokens, longestText, longestExample)
        self.chunkTokens = chunkTokens
        self.longestText = longestText
        self.outputCount = outputCount
        self.pooling = pooling
        var builder = ParameterBuilder(model, parametrization)
        var plan = ActivationPlan()
        let embeddings = NetworkEmbeddings(
            &builder, model: model, parametrization: parametrization, vocabularySize: vocabularySize,
            hasGenerator: false, movesSharedTwice: false)
        let shared = embeddings.declareDiscriminator(&builder)
        encoder = EncoderNetwork(
            .discriminator, &builder, &plan, model: model, parametrization: parametrization, shared: shared,
            tokens: chunkTokens, longestSegment: longestText)
        head = TaskHead(
            &builder, &plan, hiddenSize: model.hiddenSize, layerCount: model.layerCount, outputCount: outputCount,
            hasDense: !readsTokens, dropout: model.dropout, places: readsTokens ? chunkTokens : chunkTokens / 2 + 1)
        gradient = plan.reserve(chunkTokens * model.hiddenSize)
        layout = builder.finished()
        activationCount = plan.count
    }

    /// How far a tensor is from the head: 0 for the head, 1 for the last layer, one more than there are layers for the
    /// embeddings.
    func distance(ofTensor name: String) -> Int {
        let count = encoder.shape.layerCount
        if name.hasPrefix("task.") { return 0 }
        guard let part = name.components(separatedBy: ".layers.").dropFirst().first,
            let layer = part.split(separator: ".").first.flatMap({ Int($0) })
        else { return name.contains("final_norm") ? 0 : count + 1 }
        return count - layer
    }

    /// Whether training leaves a tensor as it is.
    func isFrozen(tensor name: String) -> Bool {
        frozenLayers > 0 && distance(ofTensor: name) > encoder.shape.layerCount - frozenLayers
    }

    /// - Returns: `[places, outputs]`.
    func forward(_ tokens: UnsafeBufferPointer<Int32>, _ places: TaskPlaces, _ pass: LanePass) -> Matrix {
        head.forward(encoder.forward(tokens, pass), places, pass)
    }

    /// - Parameter gradient: of what `forward` returned, in its memory.
    func backward(
        _ logits: Matrix, tokens: UnsafeBufferPointer<Int32>, _ places: TaskPlaces, _ pass: LanePass
    ) {
        let states = gradient.matrix(pass, rows: pass.rows, columns: encoder.shape.hiddenSize)
        head.backward(logits, hiddenGradient: states, places, pass)
        encoder.backward(states, tokens: tokens, pass, frozenLayers: frozenLayers)
    }
}
