import Checkpoints
import Configuration
import Encoder
import Engine
import Foundation
import Kernels
import Tokenization

/// Starts a run with the weights of another, as when a model of short documents goes on to long ones, or with those of a model
/// that was imported.
///
/// A position table for longer sequences repeats the rows that have been trained, projections of global tokens start as those of all tokens
/// (Beltagy et al. 2020, arXiv 2004.05150, section 5), and the base of rotary angles grows with the length, so that the
/// slowest angle turns as far over the longer document ("NTK-aware" scaling: `base · ratio^(d / (d − 2))`). A generator or a
/// head that there is none of is drawn as in a new run; a part of the encoder that is missing is an error.
public struct WeightTransfer: Sendable {
    /// The checkpoint, or the folder of an imported model.
    public let path: String
    /// What the weights belong to: model and parametrization of the run that follows, where nothing else is asked for.
    public let source: RunConfiguration
    /// What a model's card and a checkpoint say of where weights come from.
    let origin: String
    let tokenizer: Data
    private let weights: Weights
    /// Whether the run has a tokenizer of its own, so that the tables of tokens are made anew.
    public var replacesVocabulary = false
    /// Whether the weights have been trained on token type 1.
    let trainsTokenTypes: Bool
    /// Tokens of the longest sequences that they have been trained on.
    let trainedLength: Int

    private enum Weights: Sendable {
        case checkpoint(CheckpointReader)
        case memory(ParameterLayout, FloatBuffer)
    }

    /// Opens and verifies a checkpoint.
    ///
    /// - Parameter path: of a checkpoint, or of a run, whose newest is taken.
    /// - Throws: `CheckpointError`.
    public init(path: String) throws {
        let reader = try CheckpointReader(newestOf: path)
        self.path = reader.path
        try reader.verify()
        source = try TrainingCheckpoint.configuration(reader)
        tokenizer = try TrainingCheckpoint.tokenizer(reader)
        let state = try TrainingCheckpoint.state(reader)
        trainsTokenTypes = state.trainsTokenTypes(in: source)
        origin = try Self.origin(reader, state)
        trainedLength = try TrainingCheckpoint.trainedLength(reader)
        weights = .checkpoint(reader)
    }

    /// Takes a model that is in memory.
    ///
    /// - Parameters:
    ///   - path: where it comes from, for messages.
    ///   - origin: the same with what tells it from others, such as a digest.
    ///   - trainedLength: tokens of the longest sequences that they have been trained on.
    ///   - layout: names and places of the weights in the buffer.
    public init(
        path: String, origin: String, source: RunConfiguration, tokenizer: Data, trainsTokenTypes: Bool,
        trainedLength: Int, layout: ParameterLayout, weights: FloatBuffer
    ) {
        (self.path, self.origin, self.source, self.tokenizer) = (path, origin, source, tokenizer)
        self.trainsTokenTypes = trainsTokenTypes
        self.trainedLength = trainedLength
        self.weights = .memory(layout, weights)
    }

    /// An imported model that nothing has trained since is what it was imported from.
    private static func origin(_ reader: CheckpointReader, _ state: RunState) throws -> String {
        if reader.manifest.step == 0, let imported = state.startedFrom { return imported }
        let digest = try reader.weightsSHA256().map { ", weights of SHA-256 \($0)" } ?? ""
        return "a run of pretrain after step \(reader.manifest.step)\(digest)"
            + (state.startedFrom.map { ", which began with \($0)" } ?? "")
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
    package enum Origin: Equatable {
        case same(String)
        /// A shorter table, over and over.
        case repeated(String, rows: Int)
        /// A table of another vocabulary.
        case vocabulary(String)
        /// Nothing: a part of the model that the source does not have, drawn as in a new run.
        case initial(part: String)
    }

    /// Parts that a model can do without and that another can have.
    static let optionalParts = [
        "discriminator.head.", "discriminator.language_head.", "discriminator.corrective.",
        "discriminator.contrastive.", "generator.",
    ]

    /// - Parameters:
    ///   - tensors: names and shapes of the source's.
    ///   - vocabulary: how tables of tokens are made; nil where they are the source's.
    ///   - positions: rows of position tables that have been trained, and how many there is need of; nil: all have.
    package static func origin(
        of spec: ParameterSpec, among tensors: [String: [Int]], vocabulary: VocabularyTransfer? = nil,
        positions: (trained: Int, needed: Int)? = nil
    ) -> Origin? {
        if let shape = tensors[spec.name] { return fitting(spec.name, shape, to: spec, vocabulary, positions) }
        let local = spec.name.replacingOccurrences(of: ".attention.global_", with: ".attention.")
        if local != spec.name, tensors[local] == spec.shape { return .same(local) }
        // What both networks shared is what each has now.
        let parts = spec.name.components(separatedBy: ".embeddings.")
        if parts.count == 2 {
            let shared = "embeddings.\(parts[1])"
            if let shape = tensors[shared] { return fitting(shared, shape, to: spec, vocabulary, positions) }
            let base = shared.hasSuffix("_difference") ? String(shared.dropLast("_difference".count)) : shared
            return base != shared && tensors[base] != nil ? .initial(part: spec.name) : nil
        }
        return optionalParts.first { part in
            spec.name.hasPrefix(part) && !tensors.keys.contains { $0.hasPrefix(part) }
        }.map { .initial(part: String($0.dropLast())) }
    }

    private static func fitting(
        _ name: String, _ shape: [Int], to spec: ParameterSpec, _ vocabulary: VocabularyTransfer?,
        _ positions: (trained: Int, needed: Int)?
    ) -> Origin? {
        if let vocabulary, vocabulary.isOfVocabulary(name, shape: shape) {
            let isTable = spec.shape.first == vocabulary.sources.count && shape.dropFirst() == spec.shape.dropFirst()
            return isTable ? .vocabulary(name) : nil
        }
        if name.hasSuffix("position") || name.hasSuffix("position_difference"), shape.count == 2, spec.shape.count == 2,
            shape[1] == spec.shape[1]
        {
            let trained = min(shape[0], positions?.trained ?? shape[0])
            let isNeeded = shape[0] < spec.shape[0] || shape[0] == spec.shape[0] && positions?.needed ?? 0 > trained
            if isNeeded, trained < spec.shape[0] { return .repeated(name, rows: trained) }
        }
        return shape == spec.shape ? .same(name) : nil
    }

    /// How tables of tokens are made for a tokenizer; nil where it is to be the checkpoint's.
    func vocabulary(for new: Tokenizer) throws -> VocabularyTransfer? {
        guard replacesVocabulary else { return nil }
        return try VocabularyTransfer(from: Tokenizer(json: Array(tokenizer)), to: new)
    }

    /// Fills the weights.
    ///
    /// - Parameters:
    ///   - longest: tokens of the longest sequences of the run that follows.
    ///   - vocabulary: how tables of tokens are made; nil where they are the source's.
    /// - Returns: for people, what was made anew and what was left.
    /// - Throws: `PretrainingError.cannotTransfer` if the model has a tensor that the source has nothing for;
    ///   `CheckpointError`.
    func load(into engine: TrainingEngine, longest: Int, vocabulary: VocabularyTransfer? = nil) throws -> [String] {
        let shapes = try shapes()
        let specs = engine.state.layout.specs
        let origins = specs.map {
            Self.origin(of: $0, among: shapes, vocabulary: vocabulary, positions: (trainedLength, longest))
        }
        let missing = zip(specs, origins).filter { $0.1 == nil }.map { spec, _ in
            "\(spec.name) \(spec.shape)" + (shapes[spec.name].map { ", where the checkpoint has \($0)" } ?? "")
        }
        guard missing.isEmpty else { throw PretrainingError.cannotTransfer(checkpoint: path, tensors: missing) }
        if origins.contains(where: { if case .initial? = $0 { true } else { false } }) { engine.initialize() }
        try withValues { sources in
            for (spec, origin) in zip(specs, origins) {
                let target = engine.state.weights.base + spec.offset
                switch origin {
                case .same(let name)?:
                    guard let values = sources[name] else { continue }
                    target.update(from: values, count: spec.count)
                    // What no text has trained starts from what texts have.
                    if !trainsTokenTypes { spec.repeatFirstTokenType(in: target) }
                case .repeated(let name, let rows)?:
                    let width = spec.shape[1]
                    guard let values = sources[name] else { continue }
                    for row in 0..<spec.shape[0] {
                        (target + row * width).update(from: values + row % rows * width, count: width)
                    }
                case .vocabulary(let name)?:
                    guard let values = sources[name], let vocabulary else { continue }
                    vocabulary.fill(target, from: values, width: spec.shape.dropFirst().reduce(1, *))
                case .initial?, nil: break
                }
            }
        }
        engine.weightsChanged()
        return notes(specs, origins, shapes)
    }

    private func notes(_ specs: [ParameterSpec], _ origins: [Origin?], _ shapes: [String: [Int]]) -> [String] {
        var fresh: [(part: String, count: Int)] = []
        var used: Set<String> = []
        for origin in origins {
            switch origin {
            case .initial(let part)?:
                if fresh.last?.part != part { fresh.append((part, 0)) }
                fresh[fresh.count - 1].count += 1
            case .same(let name)?, .repeated(let name, _)?, .vocabulary(let name)?: used.insert(name)
            case nil: break
            }
        }
        let left = Dictionary(
            grouping: shapes.keys.filter { !used.contains($0) },
            by: { name in Self.optionalParts.first(where: name.hasPrefix).map { String($0.dropLast()) } ?? name })
        func list(_ parts: [(part: String, count: Int)]) -> String {
            parts.map { "\($0.part) (\($0.count) tensor\($0.count == 1 ? "" : "s"))" }.joined(separator: ", ")
        }
        var notes: [String] = []
        if !fresh.isEmpty { notes.append("made anew, since \(path) has none: \(list(fresh))") }
        if !left.isEmpty {
            notes.append("left in \(path): " + list(left.map { ($0.key, $0.value.count) }.sorted { $0.0 < $1.0 }))
        }
        return notes
    }

    private func shapes() throws -> [String: [Int]] {
        switch weights {
        case .checkpoint(let reader):
            Dictionary(try group(reader).tensors.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
        case .memory(let layout, _):
            Dictionary(layout.specs.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
        }
    }

    private func group(_ reader: CheckpointReader) throws -> CheckpointManifest.Group {
        guard let group = reader.manifest.group(TensorGroup.weights) else {
            throw PretrainingError.unusableCheckpoint(path: path, reason: "it holds no weights")
        }
        return group
    }

    /// Shows the values of all tensors by name.
    private func withValues(_ body: ([String: UnsafePointer<Float>]) -> Void) throws {
        switch weights {
        case .memory(let layout, let buffer):
            body(
                Dictionary(
                    layout.specs.map { ($0.name, UnsafePointer(buffer.base + $0.offset)) },
                    uniquingKeysWith: { first, _ in first }))
        case .checkpoint(let reader):
            let group = try group(reader)
            let buffers = group.tensors.map { FloatBuffer(count: $0.elementCount) }
            try reader.read(
                group: TensorGroup.weights,
                into: zip(group.tensors, buffers).map { tensor, buffer in
                    MutableTensorView(
                        name: tensor.name, shape: tensor.shape, elements: buffer.unsafeElements)
                })
            withExtendedLifetime(buffers) {
                body(
                    Dictionary(
                        zip(group.tensors, buffers).map { ($0.name, UnsafePointer($1.base)) },
                        uniquingKeysWith: { first, _ in first }))
            }
        }
    }
}

private enum ConfigurationNumber {
    static func text(_ value: Double) -> String {
        value == value.rounded() ? "\(Int(value))" : String(format: "%.2f", value)
    }
}
