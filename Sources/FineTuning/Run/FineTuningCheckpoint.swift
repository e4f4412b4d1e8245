import Checkpoints
import Configuration
import Encoder
import Foundation
import Kernels
import Optimization
import Pretraining
import Tokenization

/// What a checkpoint of fine-tuning consists of.
enum FineTuningCheckpoint {
    private enum Document {
        static let configuration = "finetuning.yaml"
        static let encoder = "encoder.yaml"
        static let tokenizer = "tokenizer.json"
        static let state = "finetuning.json"
    }

    struct State: Codable, Equatable {
        var step: Int
        /// Names of the classes.
        var labels: [String]
        /// Of the texts.
        var digest: UInt64
        /// Of the validation texts.
        var bestScore: Double?
        /// What it was judged by; nil in checkpoints of earlier versions.
        var metric: String?
        var bestStep: Int?
        /// Most tokens of a text; nil in checkpoints of earlier versions.
        var longestText: Int?
        /// Whether texts are pairs; nil where the kind of task does not ask, and in checkpoints of earlier versions.
        var arePairs: Bool?
        /// How numbers are learned; nil where labels are none, and in checkpoints of earlier versions.
        var numberScale: NumberScale?
        /// The encoder and the files; nil in checkpoints of earlier versions.
        var origin: FineTuningOrigin?
        /// Whether the head was drawn and moved as in models without a base width; nil in checkpoints of earlier versions.
        var headIsWithoutBase: Bool?

        /// What cannot be: checksums only tell that a file is as it was written.
        ///
        /// - Parameter step: that the checkpoint says it is of.
        func problem(ofStep step: Int, _ task: TaskConfiguration) -> String? {
            guard self.step == step, 0...1 << 40 ~= step, 0...step ~= bestStep ?? 0 else {
                return "it is of step \(self.step) with the best at \(bestStep ?? 0), the checkpoint of step \(step)"
            }
            if let problem = numberScale?.problem { return problem }
            guard Set(labels).count == labels.count else { return "a label is there twice" }
            guard 3...1 << 24 ~= longestText ?? 3 else { return "its texts have \(longestText ?? 0) tokens" }
            return task.kind.definition.hasNames && labels.isEmpty ? "it has no labels" : nil
        }
    }

    /// Everything but the tensors.
    struct Documents {
        var configuration: FineTuningConfiguration
        /// Of the pretrained model.
        var encoder: RunConfiguration
        var tokenizer: Data
        var state: State

        /// Most tokens of a text. Earlier versions used all rows of a position table.
        var longestText: Int {
            get throws {
                if let longest = state.longestText { return longest }
                var encoder = encoder
                if encoder.model.positions == .learned {
                    encoder.corpus.sequenceLength = encoder.model.maximumPositions
                }
                return try FineTuningRun.longestText(configuration, encoder)
            }
        }
    }

    static func contents(_ engine: TaskEngine, _ documents: Documents, moments: Bool) throws -> CheckpointContents {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let specs = engine.model.layout.specs
        return CheckpointContents(
            step: documents.state.step,
            groups: [TrainingCheckpoint.group(TensorGroup.weights, specs, engine.weights)]
                + (moments
                    ? engine.moments.map {
                        TrainingCheckpoint.group($0.name.rawValue, kept($0.name, engine), $0.buffer)
                    }
                    : []),
            documents: [
                CheckpointDocument(
                    name: Document.configuration, text: try ConfigurationWriter.yaml(documents.configuration)),
                CheckpointDocument(name: Document.encoder, text: try ConfigurationWriter.yaml(documents.encoder)),
                CheckpointDocument(name: Document.tokenizer, bytes: Array(documents.tokenizer)),
                CheckpointDocument(name: Document.state, bytes: Array(try encoder.encode(documents.state))),
            ],
            metadata: [
                "program": "pretrain \(programVersion)",
                "linear_algebra": documents.configuration.training.precision.kernelName,
            ])
    }

    static func isOne(_ reader: CheckpointReader) -> Bool {
        reader.manifest.documents.contains { $0.name == Document.state }
    }

    /// - Throws: `CheckpointError`; `TaskError` for a checkpoint of something else.
    static func documents(_ reader: CheckpointReader) throws -> Documents {
        guard isOne(reader) else {
            throw TaskError.file(
                path: reader.path, "is no fine-tuned model; name what pretrain finetune has written (its --output)")
        }
        func damaged(_ name: String, _ error: any Error) -> CheckpointError {
            .damaged(path: "\(reader.path)/\(name)", reason: "\(error)")
        }
        func text(_ name: String) throws -> String { String(decoding: try reader.document(name), as: UTF8.self) }
        var configuration = FineTuningConfiguration()
        var encoder = RunConfiguration()
        do {
            try ConfigurationReader.read(
                yaml: try text(Document.configuration), origin: "\(reader.path)/\(Document.configuration)",
                into: &configuration)
            try ConfigurationReader.read(
                yaml: try text(Document.encoder), origin: "\(reader.path)/\(Document.encoder)", into: &encoder)
        } catch let error as ConfigurationError {
            throw damaged(Document.configuration, error)
        }
        let state: State
        do {
            state = try JSONDecoder().decode(State.self, from: Data(try reader.document(Document.state)))
        } catch let error as DecodingError {
            throw damaged(Document.state, error)
        }
        if let problem = state.problem(ofStep: reader.manifest.step, configuration.task) {
            throw CheckpointError.damaged(path: "\(reader.path)/\(Document.state)", reason: problem)
        }
        return Documents(
            configuration: configuration, encoder: encoder, tokenizer: Data(try reader.document(Document.tokenizer)),
            state: state)
    }

    static func load(_ reader: CheckpointReader, into engine: TaskEngine, moments: Bool) throws {
        var destinations = [
            TensorGroup.weights: TrainingCheckpoint.views(engine.model.layout.specs, engine.weights)
        ]
        if moments {
            for (name, buffer) in engine.moments {
                destinations[name.rawValue] = TrainingCheckpoint.views(kept(name, engine), buffer)
            }
        }
        try reader.read(destinations)
        engine.weightsChanged()
    }

    /// The tensors that the optimizer keeps a number for.
    private static func kept(_ name: OptimizerStateName, _ engine: TaskEngine) -> [ParameterSpec] {
        engine.optimizer.configuration.kind.kept(name, engine.model.layout.specs)
    }
}
