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

    package init(_ network: NetworkKind, of engine: TrainingEngine) {
        let architecture = CustomCodeArchitecture(network, engine.configuration.objective)
        let layout = engine.state.layout
        let prefix = "\(network.rawValue)."
        let nesting = architecture == .encoder ? "" : "encoder."
        var tensors: [Tensor] = []
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
            if name.hasPrefix("head.") {
                if architecture != .encoder { add(name, spec.offset, spec.shape) }
            } else if !Self.trainingOnly.contains(where: name.hasPrefix) {
                add(nesting + name, spec.offset, spec.shape)
            }
        }
        self.tensors = tensors
    }

    /// Heads of the main encoder beside the one that detects.
    private static let trainingOnly = ["language_head.", "corrective.", "contrastive."]
}

extension String {
    fileprivate func replacing(suffix: String, with other: String) -> String {
        hasSuffix(suffix) ? dropLast(suffix.count) + other : self
    }
}
