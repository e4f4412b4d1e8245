import Encoder
import Engine
import Objectives

/// A network's parameters as `modeling_pretrain.py` names them.
package struct NetworkParameters {
    package struct Tensor {
        package var name: String
        /// Within the engine's weights.
        package var offset: Int
        package var shape: [Int]
    }

    package let tensors: [Tensor]
    /// Names of the main encoder's parameters that have learned something and that the class has no place for.
    package let leftOut: [String]

    package init(_ network: NetworkKind, of engine: TrainingEngine) {
        let architecture = CustomCodeArchitecture(network, of: engine)
        let layout = engine.state.layout
        let prefix = "\(network.rawValue)."
        let nesting = architecture == .encoder ? "" : "encoder."
        var tensors: [Tensor] = []
        var leftOut: [String] = []
        func add(_ name: String, _ offset: Int, _ shape: [Int]) {
            tensors.append(
                Tensor(name: name.replacing(suffix: ".gain", with: ".weight"), offset: offset, shape: shape))
        }
        for part in ["word", "position", "token_type", "norm.gain", "norm.bias"] {
            let suffix = part.hasPrefix("norm.") ? "" : ".weight"
            if let found = layout.embedding(part, of: network) {
                add("\(nesting)embeddings.\(part)\(suffix)", found.offset, found.shape)
            }
        }
        for spec in layout.specs where spec.name.hasPrefix(prefix) && !spec.name.hasPrefix(prefix + "embeddings.") {
            let name = String(spec.name.dropFirst(prefix.count))
            guard let head = Self.heads.first(where: { name.hasPrefix($0) }) else {
                add(nesting + name, spec.offset, spec.shape)
                continue
            }
            if head == Self.head(of: network, architecture) {
                add("head.\(name.dropFirst(head.count))", spec.offset, spec.shape)
            } else if engine.hasLearned(prefix + head) {
                leftOut.append(spec.name)
            }
        }
        self.tensors = tensors
        self.leftOut = leftOut
    }

    private static let heads = ["head.", "language_head.", "corrective.", "contrastive."]

    /// The head that becomes the class's; nil for an encoder alone.
    private static func head(of network: NetworkKind, _ architecture: CustomCodeArchitecture) -> String? {
        switch architecture {
        case .encoder: nil
        case .maskedLanguageModel where network == .discriminator: "language_head."
        default: "head."
        }
    }
}

extension String {
    fileprivate func replacing(suffix: String, with other: String) -> String {
        hasSuffix(suffix) ? dropLast(suffix.count) + other : self
    }
}
