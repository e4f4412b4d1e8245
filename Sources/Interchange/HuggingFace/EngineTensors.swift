import Encoder
import Engine
import Foundation

/// The engine's weights under their own names: tables that are shared or computed under the name of the network that reads
/// them, and zeros for the biases that a model without them would have. Heads that have no place in the form are left out.
struct EngineTensors: NamedTensors {
    private let engine: TrainingEngine
    private let slots: [String: (offset: Int, shape: [Int])]
    private let absent: [String: [Int]]
    private let trainsTokenTypes: Bool
    /// Names of the discriminator's parameters that have learned something and are left out.
    let leftOut: [String]

    /// - Parameters:
    ///   - tensors: what is exported.
    ///   - heads: what the discriminator's parts are called that have no place, beside those that serve training alone.
    init(_ engine: TrainingEngine, _ tensors: [MappedTensor], leavingOut heads: [String], trainsTokenTypes: Bool) {
        self.engine = engine
        self.trainsTokenTypes = trainsTokenTypes
        let layout = engine.state.layout
        var slots: [String: (offset: Int, shape: [Int])] = [:]
        var used: Set<String> = []
        var absent: [String: [Int]] = [:]
        for tensor in tensors {
            let name = tensor.engineName
            if let found = Self.locate(name, layout) {
                slots[name] = (found.offset, found.shape)
                used.insert(found.parameter)
            } else if !engine.configuration.model.biases, name.hasSuffix(".bias") {
                absent[name] = tensor.shape
            }
        }
        // What has no place in the form is shown too, so that the export can refuse it.
        let homeless = (["corrective.", "contrastive.", "language_head."] + heads).map { "discriminator." + $0 }
        var leftOut: [String] = []
        for spec in layout.specs where !used.contains(spec.name) {
            if let head = homeless.first(where: { spec.name.hasPrefix($0) }) {
                if engine.hasLearned(head) { leftOut.append(spec.name) }
            } else {
                slots[spec.name] = (spec.offset, spec.shape)
            }
        }
        self.leftOut = leftOut
        self.slots = slots
        self.absent = absent
    }

    private static func locate(_ name: String, _ layout: ParameterLayout) -> LocatedTensor? {
        let parts = name.components(separatedBy: ".embeddings.")
        if parts.count == 2, let network = NetworkKind(rawValue: parts[0]) {
            return layout.embedding(parts[1], of: network)
        }
        return layout[name].map { LocatedTensor(parameter: name, offset: $0.offset, shape: $0.shape) }
    }

    var names: [String] { slots.keys.sorted() + absent.keys.sorted() }

    func shape(of name: String) -> [Int]? { slots[name]?.shape ?? absent[name] }

    func withValues<Result>(
        of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) throws -> Result {
        if let shape = absent[name] {
            return try [Float](repeating: 0, count: shape.reduce(1, *)).withUnsafeBufferPointer(body)
        }
        guard let slot = slots[name] else { throw TensorDictionary.MissingTensor(name: name) }
        let values = UnsafeBufferPointer(
            start: engine.state.weights.base + slot.offset, count: slot.shape.reduce(1, *))
        if name.hasSuffix("embeddings.token_type"), !trainsTokenTypes {
            return try TokenTypes.exported(values, width: slot.shape[1], areTrained: false)
                .withUnsafeBufferPointer(body)
        }
        return try body(values)
    }
}
