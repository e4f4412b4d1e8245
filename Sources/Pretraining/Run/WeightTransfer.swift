import Checkpoints
import Configuration
import Encoder
import Engine
import Foundation
import Kernels
import Tokenization

/// Starts a run with the weights of another, as when a model of short documents goes on to long ones.
///
/// A position table of more rows repeats the shorter one, projections of global tokens start as those of all tokens
/// (Beltagy et al. 2020, arXiv 2004.05150, section 5), and the base of rotary angles grows with the length, so that the
/// slowest angle turns as far over the longer document ("NTK-aware" scaling: `base · ratio^(d / (d − 2))`).
public struct WeightTransfer: Sendable {
    /// The checkpoint.
    public let path: String
    let tokenizer: Data
    private let reader: CheckpointReader
    private let source: RunConfiguration
    /// Whether the run has a tokenizer of its own, so that the tables of tokens are made anew.
    public var replacesVocabulary = false
    /// Whether the weights have been trained on token type 1.
    let trainsTokenTypes: Bool

    /// Opens and verifies a checkpoint.
    ///
    /// - Parameter path: of a checkpoint, or of a run, whose newest is taken.
    /// - Throws: `CheckpointError`.
    public init(path: String) throws {
        reader = try CheckpointReader(path: CheckpointLocation(resolving: path).newest())
        self.path = reader.path
        try reader.verify()
        source = try TrainingCheckpoint.configuration(reader)
        tokenizer = try TrainingCheckpoint.tokenizer(reader)
        trainsTokenTypes = try source.corpus.pairs || TrainingCheckpoint.state(reader).trainsTokenTypes == true
    }

    /// The configuration of the run that follows: that which was asked for, with the rotary base rescaled if it is still
    /// the checkpoint's and documents have become longer.
    public func adapted(_ requested: RunConfiguration) -> (configuration: RunConfiguration, notes: [String]) {
        var result = requested
        let ratio = Double(requested.corpus.sequenceLength) / Double(source.corpus.sequenceLength)
        guard requested.model.positions == .rotary, source.model.positions == .rotary, ratio > 1,
            requested.model.rotaryBase == source.model.rotaryBase
        else { return (result, []) }
        let size = Double(requested.model.discriminatorShape.headSize)
        let base = min(1e9, (source.model.rotaryBase * pow(ratio, size / (size - 2))).rounded())
        result.model.rotaryBase = base
        return (
            result,
            [
                "model.rotary_base is \(ConfigurationNumber.text(base)) instead of "
                    + "\(ConfigurationNumber.text(source.model.rotaryBase)), as documents are "
                    + "\(ConfigurationNumber.text(ratio)) times as long as those of \(path)"
            ]
        )
    }

    /// What a tensor of the new model starts from.
    enum Origin: Equatable {
        case same(String)
        /// A shorter table, over and over.
        case repeated(String, rows: Int)
        /// A table of another vocabulary.
        case vocabulary(String)
    }

    /// - Parameters:
    ///   - tensors: names and shapes of the checkpoint's.
    ///   - vocabulary: how tables of tokens are made; nil where they are the checkpoint's.
    static func origin(
        of spec: ParameterSpec, among tensors: [String: [Int]], vocabulary: VocabularyTransfer? = nil
    ) -> Origin? {
        if let shape = tensors[spec.name] {
            if let vocabulary, vocabulary.isOfVocabulary(spec.name, shape: shape) {
                let isTable =
                    spec.shape.first == vocabulary.sources.count && shape.dropFirst() == spec.shape.dropFirst()
                return isTable ? .vocabulary(spec.name) : nil
            }
            if shape == spec.shape { return .same(spec.name) }
            if spec.name.hasSuffix("position"), shape.count == 2, spec.shape.count == 2, shape[1] == spec.shape[1],
                shape[0] < spec.shape[0]
            {
                return .repeated(spec.name, rows: shape[0])
            }
            return nil
        }
        let local = spec.name.replacingOccurrences(of: ".attention.global_", with: ".attention.")
        return local != spec.name && tensors[local] == spec.shape ? .same(local) : nil
    }

    /// How tables of tokens are made for a tokenizer; nil where it is to be the checkpoint's.
    func vocabulary(for new: Tokenizer) throws -> VocabularyTransfer? {
        guard replacesVocabulary else { return nil }
        return try VocabularyTransfer(from: Tokenizer(json: Array(tokenizer)), to: new)
    }

    /// Fills the weights.
    ///
    /// - Parameter vocabulary: how tables of tokens are made; nil where they are the checkpoint's.
    /// - Throws: `PretrainingError.cannotTransfer` if the model has a tensor that the checkpoint has nothing for;
    ///   `CheckpointError`.
    func load(into engine: TrainingEngine, vocabulary: VocabularyTransfer? = nil) throws {
        guard let group = reader.manifest.group(TensorGroup.weights) else {
            throw PretrainingError.unusableCheckpoint(path: path, reason: "it holds no weights")
        }
        let shapes = Dictionary(group.tensors.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
        let specs = engine.state.layout.specs
        let origins = specs.map { Self.origin(of: $0, among: shapes, vocabulary: vocabulary) }
        let missing = zip(specs, origins).filter { $0.1 == nil }.map { spec, _ in
            "\(spec.name) \(spec.shape)" + (shapes[spec.name].map { ", where the checkpoint has \($0)" } ?? "")
        }
        guard missing.isEmpty else { throw PretrainingError.cannotTransfer(checkpoint: path, tensors: missing) }
        let buffers = group.tensors.map { FloatBuffer(count: $0.elementCount) }
        try reader.read(
            group: TensorGroup.weights,
            into: zip(group.tensors, buffers).map { tensor, buffer in
                MutableTensorView(name: tensor.name, shape: tensor.shape, elements: buffer.elements)
            })
        let sources = Dictionary(
            zip(group.tensors, buffers).map { ($0.name, $1) }, uniquingKeysWith: { first, _ in first })
        for (spec, origin) in zip(specs, origins) {
            let target = engine.state.weights.base + spec.offset
            switch origin {
            case .same(let name)?:
                guard let values = sources[name] else { continue }
                target.update(from: values.base, count: spec.count)
                // What no text has trained starts from what texts have.
                if spec.name.hasSuffix("token_type"), !trainsTokenTypes {
                    let width = spec.shape[1]
                    for row in 1..<spec.shape[0] { (target + row * width).update(from: target, count: width) }
                }
            case .repeated(let name, let rows)?:
                let width = spec.shape[1]
                guard let values = sources[name] else { continue }
                for row in 0..<spec.shape[0] {
                    (target + row * width).update(from: values.base + row % rows * width, count: width)
                }
            case .vocabulary(let name)?:
                guard let values = sources[name], let vocabulary else { continue }
                vocabulary.fill(target, from: values.base, width: spec.shape.dropFirst().reduce(1, *))
            case nil: break
            }
        }
    }
}

private enum ConfigurationNumber {
    static func text(_ value: Double) -> String {
        value == value.rounded() ? "\(Int(value))" : String(format: "%.2f", value)
    }
}
