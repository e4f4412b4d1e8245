import ArgumentParser
import Encoder
import Engine
import Files
import FineTuning
import Formatting
import Foundation
import Pretraining
import Runs

struct EmbedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "Writes vectors of texts as a NumPy array.",
        discussion: """
            Reads a text a line, or .jsonl, .tsv, .csv with a field for the text; plain or .gz, .zst, .lz4. Vectors are hidden \
            states after the last layer: their mean over all tokens, that of the first token, or all of them. Row i of the array \
            is text i.

              pretrain embed checkpoints/mine --input texts.txt --output vectors.npy
              pretrain embed checkpoints/mine --input texts.jsonl.gz --text-field body --output vectors.npy --normalize

            With --pooling tokens the array has a row for every token, [CLS] and [SEP] included, and OUTPUT.offsets.npy tells \
            where each text begins and the last one ends.

            Vectors of an encoder that only was pretrained are features for a classifier. They tell little of how alike texts \
            are: no objective has asked for that. Those of a model that finetune has trained with kind: contrastive do; they have \
            its pooling and a length of 1, so that scalar products are cosines:

              pretrain finetune checkpoints/mine --set kind=contrastive --train pairs.tsv --output near
              pretrain embed near/seed-0 --input texts.txt --output vectors.npy
            """)

    @Argument(help: "A checkpoint, or a run directory, which stands for its newest one.", completion: .directory)
    var checkpoint: String
    @Option(help: "Texts.", completion: .file())
    var input: String
    @Option(help: "File for the array, .npy.", completion: .file())
    var output: String
    @Option(help: "mean, first, or tokens: how a text's states become vectors; mean if left out.")
    var pooling: TrainingEngine.StatePooling?
    @Option(help: "discriminator (the main encoder), or generator.")
    var network = NetworkKind.discriminator
    @Flag(help: "Give every vector a length of 1.")
    var normalize = false
    @Option(help: "Member or column that holds the text.")
    var textField = "text"
    @OptionGroup var threading: ThreadOptions
    @Flag(help: "Show nothing but warnings and errors.")
    var quiet = false
    @OptionGroup var report: ReportOptions

    struct Report: Encodable {
        var model: String
        var output: String
        var offsets: String?
        var texts: Int
        var tokens: Int
        /// Texts that were longer than the model's sequences.
        var truncated: Int
        var shape: [Int]
    }

    func run() throws {
        if try FineTunedModel.isOne(at: checkpoint) { return try runFineTuned() }
        let pooling = pooling ?? .mean
        let file = try OutputFile(checking: output)
        let offsetsPath = pooling == .tokens ? output + ".offsets.npy" : nil
        let offsetsFile = try offsetsPath.map { try OutputFile(checking: $0) }
        let texts = try TextInput.read(input, field: textField)
        let model = try LoadedModel(path: checkpoint, threads: threading.count)
        guard network == .discriminator || model.engine.configuration.objective.hasGenerator else {
            throw UnsuitableInput("\(model.path) has no generator; leave --network out")
        }
        let longest = model.configuration.corpus.sequenceLength
        let special = model.engine.special
        var truncated = 0
        var unknown = UnknownTokens(model.tokenizer)
        let sequences = texts.map { text in
            var ids = model.tokenizer.encode(text)
            unknown.add(ids)
            if ids.count + 2 > longest {
                truncated += 1
                ids.removeLast(ids.count + 2 - longest)
            }
            return [special.classification] + ids + [special.separator]
        }
        warn(truncated, of: texts.count, longest: longest)
        unknown.tell()
        let phase = PhaseProgress("embedding", on: ProgressLine(quiet: quiet))
        let shape = model.configuration.model
        let width = network == .generator ? shape.generatorShape.hiddenSize : shape.hiddenSize
        // Where texts begin: vectors are of their tokens, or one of each.
        let offsets = sequences.reduce(into: [0]) { offsets, tokens in
            offsets.append(offsets[offsets.count - 1] + (pooling == .tokens ? tokens.count : 1))
        }
        let count = offsets[sequences.count]
        try file.writeInParts { put in
            try NumPyArray.header(.float32, shape: [count, width]).withUnsafeBytes { try put($0) }
            for (start, part) in sequences.parts() {
                let found = try model.engine.states(part, of: network, pooling: pooling) { share in
                    phase.update(fraction: (Double(start) + share * Double(part.count)) / Double(sequences.count))
                }
                for var vector in found {
                    if normalize { vector.normalize(width: width) }
                    try vector.withUnsafeBytes { try put($0) }
                }
            }
        }
        if !quiet { phase.finish("\(CountFormat.grouped(texts.count)) texts") }
        try offsetsFile?.write(NumPyArray.contents(offsets))
        let result = Report(
            model: model.path, output: output, offsets: offsetsPath, texts: texts.count,
            tokens: sequences.reduce(0) { $0 + $1.count }, truncated: truncated, shape: [count, width])
        try show(result)
    }

    /// By a model that was trained for it.
    private func runFineTuned() throws {
        let file = try OutputFile(checking: output)
        let model = try FineTunedModel(path: checkpoint, threads: threading.count)
        guard !model.givesVectors || pooling == nil && network == .discriminator else {
            throw ValidationError(
                "\(model.path) was trained to give vectors, with \(model.configuration.pooling.rawValue) pooling; leave "
                    + "--pooling and --network out")
        }
        try model.checkGivesVectors()
        let texts = try TextInput.read(input, field: textField)
        let phase = PhaseProgress("embedding", on: ProgressLine(quiet: quiet))
        var (truncated, tokens) = (0, 0)
        var unknown = UnknownTokens(model.tokenizer)
        try file.writeInParts { put in
            try NumPyArray.header(.float32, shape: [texts.count, model.vectorSize]).withUnsafeBytes { try put($0) }
            for (start, part) in texts.parts() {
                let found = try model.vectors(part) { share in
                    phase.update(fraction: (Double(start) + share * Double(part.count)) / Double(texts.count))
                }
                truncated += found.truncated
                tokens += found.tokens
                unknown.add(count: found.unknown)
                for vector in found.vectors { try vector.withUnsafeBytes { try put($0) } }
            }
        }
        if !quiet { phase.finish("\(CountFormat.grouped(texts.count)) texts") }
        warn(truncated, of: texts.count, longest: model.longestText)
        unknown.tell()
        try show(
            Report(
                model: model.path, output: output, texts: texts.count, tokens: tokens, truncated: truncated,
                shape: [texts.count, model.vectorSize]))
    }

    private func warn(_ truncated: Int, of texts: Int, longest: Int) {
        guard truncated > 0 else { return }
        Terminal.note(
            "warning: \(truncated) of \(texts) texts were cut to the \(longest) tokens that the model was trained with")
    }

    private func show(_ result: Report) throws {
        try report.show(result) {
            "\(output): \(result.shape[0]) × \(result.shape[1]) numbers of \(CountFormat.grouped(result.texts)) texts"
                + (result.offsets.map { "; where texts begin: \($0)" } ?? "")
        }
    }
}

extension TrainingEngine.StatePooling: ExpressibleByArgument {}
extension NetworkKind: ExpressibleByArgument {}

extension [Float] {
    /// Makes each row of so many numbers as long as 1.
    fileprivate mutating func normalize(width: Int) {
        for start in stride(from: 0, to: count, by: width) {
            let row = start..<start + width
            let length = self[row].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            if length > 0 { for index in row { self[index] = Float(Double(self[index]) / length) } }
        }
    }
}
