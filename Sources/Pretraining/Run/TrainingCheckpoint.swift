import Checkpoints
import Configuration
import Corpus
import Encoder
import Engine
import Foundation
import Kernels
import Optimization
import Tokenization

/// What a checkpoint of a run consists of, and how it is put together and taken apart.
public enum TrainingCheckpoint {
    enum Document {
        static let configuration = "config.yaml"
        static let tokenizer = "tokenizer.json"
        static let loader = "loader.json"
        static let corpus = "corpus.json"
        static let state = "state.json"
    }

    /// Everything but the tensors.
    public struct Documents: Sendable {
        public var configuration: RunConfiguration
        public var tokenizer: Data
        public var loader: LoaderState
        public var fingerprint: CorpusFingerprint
        public var state: RunState
    }

    /// The contents of a checkpoint; tensors are views of the engine's buffers.
    static func contents(_ engine: TrainingEngine, _ documents: Documents) throws -> CheckpointContents {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return CheckpointContents(
            step: documents.state.step, groups: groups(engine),
            documents: [
                CheckpointDocument(
                    name: Document.configuration, text: try ConfigurationWriter.yaml(documents.configuration)),
                CheckpointDocument(name: Document.tokenizer, bytes: Array(documents.tokenizer)),
                CheckpointDocument(name: Document.loader, bytes: Array(try encoder.encode(documents.loader))),
                CheckpointDocument(name: Document.corpus, bytes: Array(try encoder.encode(documents.fingerprint))),
                CheckpointDocument(name: Document.state, bytes: Array(try encoder.encode(documents.state))),
            ],
            metadata: [
                "program": "pretrain \(programVersion)",
                "linear_algebra": documents.configuration.training.precision.kernelName,
            ])
    }

    /// The contents of a checkpoint of a model that no run here has trained: weights without moments, and no corpus.
    ///
    /// - Parameter documents: more of them, by name.
    package static func imported(
        _ layout: ParameterLayout, _ weights: FloatBuffer, configuration: RunConfiguration, tokenizer: Data,
        state: RunState, documents: [CheckpointDocument]
    ) throws -> CheckpointContents {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return CheckpointContents(
            step: 0, groups: [group(TensorGroup.weights, layout.specs, weights)],
            documents: [
                CheckpointDocument(name: Document.configuration, text: try ConfigurationWriter.yaml(configuration)),
                CheckpointDocument(name: Document.tokenizer, bytes: Array(tokenizer)),
                CheckpointDocument(name: Document.state, bytes: Array(try encoder.encode(state))),
            ] + documents,
            metadata: ["program": "pretrain \(programVersion)", "imported_from": state.startedFrom ?? ""])
    }

    /// Whether a checkpoint is of a model that was imported, and has no corpus of its own.
    public static func isImported(_ reader: CheckpointReader) -> Bool {
        reader.manifest.document(Document.corpus) == nil
    }

    /// What a model was imported from that nothing has trained since; nil for any other.
    ///
    /// - Throws: `CheckpointError`.
    public static func untrainedOrigin(_ reader: CheckpointReader) throws -> String? {
        reader.manifest.step == 0 ? try state(reader).startedFrom : nil
    }

    /// Tokens of the longest sequences that a model's weights have been trained on: rows of a position table beyond it are as they
    /// were drawn. What an imported model takes counts, where its tokenizer says no other.
    ///
    /// - Throws: `CheckpointError`.
    public static func trainedLength(_ reader: CheckpointReader) throws -> Int {
        let configuration = try configuration(reader)
        let state = try state(reader)
        if try untrainedOrigin(reader) != nil {
            let longest =
                configuration.model.positions == .learned
                ? configuration.model.maximumPositions : configuration.corpus.sequenceLength
            return min(longest, state.inheritedLength ?? longest)
        }
        let stages = 0...configuration.stageIndex(ofStep: state.stagedStep)
        let own = stages.map { configuration.configuration(ofStage: $0).corpus.sequenceLength }.max() ?? 0
        return max(own, state.inheritedLength ?? 0)
    }

    /// The settings that a model's weights are used with: those of its run, with sequences of no more tokens than it has been
    /// trained on. Where its run has longer ones in a later stage, what it would read there is as it was drawn.
    ///
    /// - Throws: `CheckpointError`.
    public static func trainedConfiguration(_ reader: CheckpointReader) throws -> RunConfiguration {
        var result = try configuration(reader)
        result.corpus.sequenceLength = min(result.corpus.sequenceLength, try trainedLength(reader))
        return result
    }

    /// Reads all documents of a checkpoint.
    ///
    /// - Throws: `CheckpointError`; `.damaged` too for documents whose checksums are right and whose content is not.
    ///   `PretrainingError.nothingToResume` for an imported model.
    public static func documents(_ reader: CheckpointReader) throws -> Documents {
        if isImported(reader) { throw PretrainingError.nothingToResume(path: reader.path) }
        return Documents(
            configuration: try configuration(reader), tokenizer: try tokenizer(reader),
            loader: try decode(Document.loader, reader), fingerprint: try fingerprint(reader),
            state: try state(reader))
    }

    private static func damaged(_ name: String, _ reader: CheckpointReader, _ reason: String) -> CheckpointError {
        .damaged(path: "\(reader.path)/\(name)", reason: reason)
    }

    /// The configuration that the checkpoint was trained with.
    public static func configuration(_ reader: CheckpointReader) throws -> RunConfiguration {
        var configuration = RunConfiguration()
        let yaml = String(decoding: try reader.document(Document.configuration), as: UTF8.self)
        do {
            try ConfigurationReader.read(
                yaml: yaml, origin: "\(reader.path)/\(Document.configuration)", into: &configuration)
        } catch {
            throw damaged(Document.configuration, reader, "\(error)")
        }
        if let change = configuration.meaning(changedSince: yaml) {
            throw PretrainingError.unusableCheckpoint(path: reader.path, reason: change)
        }
        return configuration
    }

    /// The run's tokenizer.json.
    public static func tokenizer(_ reader: CheckpointReader) throws -> Data {
        Data(try reader.document(Document.tokenizer))
    }

    public static func state(_ reader: CheckpointReader) throws -> RunState {
        let state: RunState = try decode(Document.state, reader)
        if let problem = state.problem(ofStep: reader.manifest.step) { throw damaged(Document.state, reader, problem) }
        return state
    }

    /// What the corpus looked like when the run began.
    public static func fingerprint(_ reader: CheckpointReader) throws -> CorpusFingerprint {
        if isImported(reader) { throw PretrainingError.noCorpus(path: reader.path) }
        return try decode(Document.corpus, reader)
    }

    private static func decode<Value: Decodable>(_ name: String, _ reader: CheckpointReader) throws -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: Data(try reader.document(name)))
        } catch let error as DecodingError {
            throw damaged(name, reader, "it is not what this version of pretrain writes (\(error))")
        }
    }

    /// Fills the engine's buffers.
    ///
    /// - Parameter moments: whether the optimizer's state is needed too; evaluation needs the weights alone.
    public static func load(_ reader: CheckpointReader, into engine: TrainingEngine, moments: Bool) throws {
        let layout = engine.state.layout
        var destinations = [TensorGroup.weights: views(layout.specs, engine.state.weights)]
        if moments {
            for (name, buffer) in engine.state.optimizer {
                destinations[name.rawValue] = views(kept(name, engine), buffer)
            }
            if let outer = engine.state.outerMomentum {
                destinations[outerMomentum] = views(layout.specs, outer)
            }
        }
        try reader.read(destinations)
        engine.weightsChanged()
    }

    /// The engine's buffers as tensors, which are views of them.
    package static func groups(_ engine: TrainingEngine) -> [TensorGroup] {
        let state = engine.state
        return [group(TensorGroup.weights, state.layout.specs, state.weights)]
            + state.optimizer.map { group($0.name.rawValue, kept($0.name, engine), $0.buffer) }
            + (state.outerMomentum.map { [group(outerMomentum, state.layout.specs, $0)] } ?? [])
    }

    /// Of the outer steps of replicas.
    private static let outerMomentum = "outer_momentum"

    /// The tensors that the optimizer keeps a number for.
    private static func kept(_ name: OptimizerStateName, _ engine: TrainingEngine) -> [ParameterSpec] {
        engine.configuration.optimizer.kind.kept(name, engine.state.layout.momentSpecs)
    }

    /// A buffer as tensors to save, which are views of it.
    package static func group(_ name: String, _ specs: [ParameterSpec], _ buffer: FloatBuffer) -> TensorGroup {
        TensorGroup(
            name: name,
            tensors: specs.map { spec in
                TensorView(
                    name: spec.name, shape: spec.shape,
                    elements: UnsafeBufferPointer(start: buffer.base + spec.offset, count: spec.count))
            })
    }

    /// A buffer as tensors to load into.
    package static func views(_ specs: [ParameterSpec], _ buffer: FloatBuffer) -> [MutableTensorView] {
        specs.map { spec in
            MutableTensorView(
                name: spec.name, shape: spec.shape,
                elements: UnsafeMutableBufferPointer(start: buffer.base + spec.offset, count: spec.count))
        }
    }
}

/// The version that checkpoints and `--version` name.
public let programVersion = "0.1.0"
