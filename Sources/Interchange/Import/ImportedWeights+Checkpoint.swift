import Checkpoints
import Configuration
import Encoder
import Files
import Foundation
import Pretraining
import Runs

/// What becomes of imported weights: the start of a run, or a checkpoint.
extension ImportedWeights {
    /// A start for a run.
    public var transfer: WeightTransfer {
        WeightTransfer(
            path: main.folder, origin: origin, source: configuration, tokenizer: tokenizer.json,
            trainsTokenTypes: trainsTokenTypes, trainedLength: trainedLength, layout: layout, weights: weights)
    }

    /// Tokens of the longest sequences that the weights have been trained on, as far as the folder tells.
    private var trainedLength: Int {
        let model = configuration.model
        let longest = model.positions == .learned ? model.maximumPositions : configuration.corpus.sequenceLength
        return min(longest, main.trainedLength ?? longest)
    }

    /// Writes a folder like a run's, with one checkpoint of step 0.
    ///
    /// - Parameter output: a folder that holds no run; created if need be.
    /// - Returns: the checkpoint's path.
    /// - Throws: `ImportError.unsuitableSetting` where there is something else, `CheckpointError`, `FileFailure`.
    @discardableResult
    public func write(to output: String) throws -> String {
        let directory = RunDirectory(path: output)
        let lock = try directory.open()
        return try withExtendedLifetime(lock) {
            guard try directory.checkpoints.entries().isEmpty, access(directory.metrics, F_OK) != 0 else {
                throw ImportError.unsuitableSetting(
                    "\(output) holds a run, or a model that was imported; choose another --output for the imported model"
                )
            }
            try directory.checkpoints.prepare(exclusive: true)
            var state = RunState()
            state.trainsTokenTypes = trainsTokenTypes ? true : nil
            state.startedFrom = origin
            state.inheritedLength = trainedLength
            let contents = try TrainingCheckpoint.imported(
                layout, weights, configuration: configuration, tokenizer: tokenizer.json, state: state,
                documents: cards())
            try directory.write(
                Data(try ConfigurationWriter.yaml(configuration, comments: true).utf8), to: directory.configuration)
            try directory.write(tokenizer.json, to: directory.tokenizer)
            return try CheckpointWriter(directory: directory.checkpoints).write(contents).path
        }
    }

    /// The folders' own cards, if this program wrote them: exported again, the weights have them still.
    private func cards() -> [CheckpointDocument] {
        [main, generator].compactMap(\.self).compactMap { network in
            let path = (network.folder as NSString).appendingPathComponent(ModelCard.fileName)
            guard let card = try? FileDescriptor.contents(of: path, limit: 1 << 20),
                String(decoding: card, as: UTF8.self).contains(ModelCard.mark)
            else { return nil }
            return CheckpointDocument(name: Self.cardName(network.network), bytes: Array(card))
        }
    }

    private static func cardName(_ network: NetworkKind) -> String { "\(network.rawValue).\(ModelCard.fileName)" }

    /// The cards that an imported model came with, by network; none of a model that has been trained since.
    ///
    /// - Throws: `CheckpointError`.
    public static func cards(of reader: CheckpointReader) throws -> [String: Data] {
        guard TrainingCheckpoint.isImported(reader) else { return [:] }
        var cards: [String: Data] = [:]
        for network in NetworkKind.allCases where reader.manifest.document(cardName(network)) != nil {
            cards[network.rawValue] = Data(try reader.document(cardName(network)))
        }
        return cards
    }
}
