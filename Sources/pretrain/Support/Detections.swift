import Pretraining
import Tokenization

/// The detector's view of lines. One that the model cannot take as a whole is divided into pieces, each between [CLS] and
/// [SEP].
struct Detections {
    /// Of each line, and the same without [CLS] and [SEP]: the bytes that each token stands for, and its logit.
    private(set) var all: [(detection: DetectCommand.Detection, ranges: [Range<Int>], logits: [Float])] = []
    /// Tokens that the vocabulary does not have.
    private(set) var unknown = 0

    /// A line without what other systems put before its end, which in training is no part of the text.
    static func text(ofLine line: [UInt8]) -> [UInt8] {
        line.last == UInt8(ascii: "\r") ? Array(line.dropLast()) : line
    }

    /// - Throws: `CancellationError`.
    init(_ lines: [[UInt8]], _ model: LoadedModel) throws {
        let special = model.engine.special
        let longest = model.configuration.corpus.sequenceLength - 2
        let encoder = TokenizerEncoder(model.tokenizer)
        var pieces: [(line: Int, ids: [Int32])] = []
        for (index, line) in lines.enumerated() {
            let tokens = encoder.tokens(Self.text(ofLine: line))
            if let id = model.tokenizer.unknownID { unknown += tokens.ids.count { $0 == id } }
            let offsets = tokens.characterOffsets(in: line)
            var detection = DetectCommand.Detection(ids: [], tokens: [], offsets: [], logits: [])
            for start in stride(from: 0, to: max(tokens.ids.count, 1), by: longest) {
                let piece = start..<min(start + longest, tokens.ids.count)
                let ids = [special.classification] + tokens.ids[piece] + [special.separator]
                pieces.append((index, ids))
                detection.ids += ids
                detection.offsets += [[0, 0]] + offsets[piece].map { [$0.lowerBound, $0.upperBound] } + [[0, 0]]
            }
            detection.tokens = detection.ids.map { model.tokenizer.token($0) }
            all.append((detection, tokens.ranges, []))
        }
        for (piece, logits) in zip(pieces, try model.engine.detectionLogits(pieces.map(\.ids))) {
            all[piece.line].detection.logits += logits
            all[piece.line].logits += logits.dropFirst().dropLast()
        }
    }
}
