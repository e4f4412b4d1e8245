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
    let encoderUse: EncoderUse
    /// The numbers by which the encoder is moved, where it is.
    let sharedVector: ParameterSlot?
    let encoder: EncoderNetwork
    let head: TaskHead
    let gradient: ActivationSlot

    /// - Parameters:
    ///   - model: of the pretrained networks; the discriminator's is taken.
    ///   - chunkTokens: tokens that are carried at a time, at least those of the longest text.
    ///   - longestExample: tokens of a text with its alternatives, which are carried together.
    ///   - readsTokens: whether the head reads single tokens instead of texts as a whole.
    ///   - givesVectors: whether there is no head, and the outputs are the pooled states.
    ///   - encoderUse: what is used of the encoder, and what of it training moves.
    public init(
        model: ModelConfiguration, parametrization: ParametrizationConfiguration, vocabularySize: Int,
        longestText: Int, chunkTokens: Int, outputCount: Int, pooling: TaskPooling, longestExample: Int = 0,
        readsTokens: Bool = false, givesVectors: Bool = false, encoderUse: EncoderUse = EncoderUse()
    ) {
        self.encoderUse = encoderUse
        let chunkTokens = max(chunkTokens, longestText, longestExample)
        self.chunkTokens = chunkTokens
        self.longestText = longestText
        // Every text is a document, also where several that belong together are carried side by side.
        var model = model
        if model.attention.globalTokens == .first { model.attention.globalTokens = .documents }
        self.outputCount = givesVectors ? model.hiddenSize : outputCount
        self.pooling = pooling
        var builder = ParameterBuilder(model, parametrization)
        var plan = ActivationPlan()
        let embeddings = NetworkEmbeddings(
            &builder, model: model, parametrization: parametrization, vocabularySize: vocabularySize,
            hasGenerator: false, movesSharedTwice: false)
        let shared = embeddings.declareDiscriminator(&builder)
        encoder = EncoderNetwork(
            .discriminator, &builder, &plan, model: model, parametrization: parametrization, shared: shared,
            tokens: chunkTokens, longestSegment: longestText, layers: encoderUse.layers, adapters: encoderUse.adapters)
        head = TaskHead(
            &builder, &plan, hiddenSize: model.hiddenSize, layerCount: model.layerCount, outputCount: self.outputCount,
            form: givesVectors ? .none : readsTokens ? .linear : .dense, dropout: model.dropout,
            places: readsTokens ? chunkTokens : chunkTokens / 2 + 1)
        // Named so that it is no part of the encoder; its values begin at nothing.
        sharedVector = encoderUse.sharedVectorSize.map { builder.bias("encoder_vector", $0) }
        gradient = plan.reserve(chunkTokens * model.hiddenSize)
        layout = builder.finished()
        activationCount = plan.count
    }

    /// How far a tensor is from the head: 0 for the head, 1 for the last layer, one more than there are layers for the
    /// embeddings.
    func distance(ofTensor name: String) -> Int {
        let count = encoder.layerCount
        if name.hasPrefix("task.adapters."),
            let layer = name.split(separator: ".").dropFirst(2).first.flatMap({ Int($0) })
        {
            return count - layer
        }
        if name.hasPrefix("task.") { return 0 }
        guard let part = name.components(separatedBy: ".layers.").dropFirst().first,
            let layer = part.split(separator: ".").first.flatMap({ Int($0) })
        else { return name.contains("final_norm") ? 0 : count + 1 }
        return count - layer
    }

    /// Whether a tensor is the head's own.
    func isHead(tensor name: String) -> Bool { name.hasPrefix("task.dense.") || name.hasPrefix("task.output.") }

    /// Whether training leaves a tensor as it is.
    func isFrozen(tensor name: String) -> Bool {
        if AdapterMean.isMean(name) { return true }
        return encoderUse.isEncoderFixed && !name.hasPrefix("task.") || isBelowFrozen(tensor: name)
    }

    private func isBelowFrozen(tensor name: String) -> Bool {
        encoderUse.frozenLayers > 0 && distance(ofTensor: name) > encoder.layerCount - encoderUse.frozenLayers
    }

    /// Whether the numbers of a vector move a tensor.
    func isMovedByVector(_ spec: ParameterSpec) -> Bool {
        encoderUse.sharedVectorSize != nil && !spec.name.hasPrefix("task.") && !isBelowFrozen(tensor: spec.name)
    }

    /// What a backward pass reaches.
    ///
    /// - Parameter dropped: for the embeddings and each layer, whether its gradient is left out; nil: none is.
    func reach(dropped: [Bool]? = nil) -> GradientReach {
        let count = encoder.layerCount
        var reach = GradientReach(
            lowestLayer: encoderUse.frozenLayers, embeddings: encoderUse.adapters == nil, cleared: [])
        if let dropped, dropped[0] {
            reach.embeddings = false
            reach.lowestLayer = max(reach.lowestLayer, dropped.dropFirst().prefix { $0 }.count)
        }
        let isDisturbing = encoderUse.adapters != nil || encoderUse.frozenLayers > 0 || dropped?.contains(true) ?? false
        if isDisturbing {
            let multiplied = Set(encoderUse.adapters == nil ? [] : layout.products)
            reach.cleared = layout.specs.filter { spec in
                if spec.name.hasPrefix("task.") { return false }
                if let dropped, dropped[min(count, count + 1 - distance(ofTensor: spec.name))] {
                    return !spec.name.contains("final_norm") && !spec.isEmbeddingTable
                }
                // Where the pass ends above, only what layers share has got something.
                if isBelowFrozen(tensor: spec.name) { return spec.name.hasSuffix(".relative_bias") }
                return encoderUse.adapters != nil && !spec.isEmbeddingTable && !multiplied.contains(spec.slot)
            }
        }
        return reach
    }

    /// - Returns: `[places, outputs]`.
    func forward(_ tokens: UnsafeBufferPointer<Int32>, _ places: TaskPlaces, _ pass: LanePass) -> Matrix {
        head.forward(encoder.forward(tokens, pass), places, pass)
    }

    /// - Parameter logits: the gradient of what `forward` returned, in its memory.
    func backward(
        _ logits: Matrix, tokens: UnsafeBufferPointer<Int32>, _ places: TaskPlaces, _ pass: LanePass,
        reach: GradientReach
    ) {
        let states = gradient.matrix(pass, rows: pass.rows, columns: encoder.shape.hiddenSize)
        head.backward(logits, hiddenGradient: states, places, pass)
        encoder.backward(
            states, tokens: tokens, pass, frozenLayers: reach.lowestLayer, reachesEmbeddings: reach.embeddings)
    }
}
