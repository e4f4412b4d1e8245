import Pretraining

/// The detector's view of lines. One that the model cannot take as a whole is divided into pieces, each between [CLS] and
/// [SEP].
struct Detections {
    let all: [DetectCommand.Detection]

    /// - Throws: `CancellationError`.
    init(_ lines: [[UInt8]], _ model: LoadedModel) throws {
        let special = model.engine.special
        let longest = model.configuration.corpus.sequenceLength - 2
        var pieces: [(line: Int, ids: [Int32])] = []
        for (index, line) in lines.enumerated() {
            let content = model.tokenizer.encode(line)
            for start in stride(from: 0, to: max(content.count, 1), by: longest) {
                let piece = content[start..<min(start + longest, content.count)]
                pieces.append((index, [special.classification] + piece + [special.separator]))
            }
        }
        let logits = try model.engine.detectionLogits(pieces.map(\.ids))
        var found = lines.map { _ in DetectCommand.Detection(ids: [], tokens: [], logits: []) }
        for (piece, logits) in zip(pieces, logits) {
            found[piece.line].ids += piece.ids
            found[piece.line].tokens += piece.ids.map { model.tokenizer.token($0) }
            found[piece.line].logits += logits
        }
        all = found
    }
}
