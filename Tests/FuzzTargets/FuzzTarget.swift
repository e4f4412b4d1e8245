import Checkpoints
import Configuration
import Corpus
import FineTuning
import Foundation
import Interchange
import Pretraining
import Runs
import Tokenization

/// The parsers that meet files from outside. Each gets any bytes, and may throw; what it must not do is crash, hang, or take memory
/// that the bytes do not account for.
public enum FuzzTarget: String, CaseIterable, Sendable {
    case tokenizer = "tokenizer.json"
    case vocabulary = "vocab.txt"
    case safetensors = "model.safetensors"
    case pytorch = "pytorch_model.bin"
    case folder = "config.json"
    case manifest = "manifest.json"
    case checkpoint = "weights.lz4"
    case state = "state.json"
    case loader = "loader.json"
    case metrics = "metrics.jsonl"
    case configuration = "run.yaml"
    case text = "text.txt"
    case lines = "lines.jsonl"
    case array = "array.json"
    case gzip = "text.txt.gz"
    case zstandard = "text.txt.zst"
    case lz4 = "text.txt.lz4"
    case taskLines = "task.jsonl"
    case taskTabs = "task.tsv"
    case taskCommas = "task.csv"
    case task = "task.yaml"
    case pairs = "pairs.jsonl"

    /// Reads a file of this kind, as far as a command would before it computes.
    ///
    /// - Parameters:
    ///   - path: of a file of this name, in a folder that has what `prepare` puts there.
    ///   - bytes: what the file holds.
    public func read(_ path: String, _ bytes: UnsafeRawBufferPointer) throws {
        switch self {
        case .tokenizer, .vocabulary: try Self.encode(try Tokenizer(contentsOf: path))
        case .safetensors:
            let file = try SafetensorsFile(path: path)
            for tensor in file.header.tensors { _ = try file.bytes(of: tensor.name) }
        case .pytorch:
            let file = try TorchFile(path: path)
            for name in file.names where file.type(of: name) != nil { _ = try file.floats(of: name) }
        case .folder:
            _ = try ImportedNetwork((path as NSString).deletingLastPathComponent, as: .discriminator)
        case .manifest:
            let folder = (path as NSString).deletingLastPathComponent
            try? FuzzedCheckpoint.seal(folder, manifest: bytes)
            try FuzzedCheckpoint.read(CheckpointReader(path: folder))
        case .checkpoint:
            let folder = (path as NSString).deletingLastPathComponent
            try FuzzedCheckpoint.read(FuzzedCheckpoint.open(folder, weights: bytes))
        case .state:
            let state = try JSONDecoder().decode(RunState.self, from: Data(bytes))
            _ = state.problem(ofStep: state.step)
        case .loader: try Self.resume(try JSONDecoder().decode(LoaderState.self, from: Data(bytes)), beside: path)
        case .metrics:
            var reader = MetricsReader(path: path)
            _ = try reader.read()
        case .configuration:
            var configuration = RunConfiguration()
            try ConfigurationReader.read(
                yaml: String(decoding: bytes, as: UTF8.self), origin: path, into: &configuration)
            _ = try ConfigurationWriter.yaml(configuration)
        case .text, .lines, .array: try Self.readCorpus(path)
        case .gzip, .zstandard, .lz4:
            // What they decompress to is text as any other, and reading it would take most of the time.
            try Self.decompress(bytes, try decompressor())
        case .taskLines, .taskTabs, .taskCommas:
            var task = TaskConfiguration()
            // One of them for each input, as all of them would take as many times as long.
            task.kind = TaskKind.allCases[bytes.count / 2 % TaskKind.allCases.count]
            _ = try TaskTable.read(path, TaskTable.Fields(task, needsLabel: bytes.count % 2 == 0))
        case .task:
            _ = try FineTuningConfiguration(taskFile: path)
        case .pairs: _ = try MinimalPairs(path: path)
        }
    }

    private static func encode(_ tokenizer: Tokenizer) throws {
        var ids: [Int32] = []
        let text = Array("Über 12 naïve cats, don't <mask> [MASK]\u{3000}東京 👩‍👩‍👧!".utf8)
        text.withUnsafeBufferPointer { tokenizer.encode($0, into: &ids, parsing: .all) }
        _ = tokenizer.decode(ids)
        _ = tokenizer.serialized()
    }

    /// Goes on from a place in `corpus.txt` beside the file, for some batches.
    private static func resume(_ state: LoaderState, beside path: String) throws {
        let folder = (path as NSString).deletingLastPathComponent
        var configuration = CorpusConfiguration()
        configuration.sources = [CorpusSource(path: "\(folder)/corpus.txt", weight: 1)]
        configuration.sequenceLength = 16
        configuration.heldOut = 0
        configuration.shuffleBytes = 1 << 20
        let tokenizer = try Tokenizer(contentsOf: "\(folder)/tokenizer.json")
        let loader = try CorpusLoader(
            configuration: configuration,
            tokenizer: RunDocumentTokenizer(tokenizer, try tokenizer.specialTokens), seed: 0, batchSize: 2,
            resumingFrom: state)
        defer { loader.stop() }
        for _ in 0..<3 {
            let loaded = try loader.next()
            guard loaded.batch.tokens.allSatisfy({ 0..<tokenizer.vocabularySize ~= Int($0) }) else {
                fatalError("a token that the vocabulary does not have")
            }
        }
    }

    private func decompressor() throws -> any Decompressor {
        switch self {
        case .gzip: try GzipDecompressor()
        case .lz4: try LZ4Decompressor()
        // What the machine has is asked at every large window, which takes longer than all else.
        default: try ZstandardDecompressor { 256 << 20 }
        }
    }

    /// Decompresses a megabyte at most, in small pieces.
    private static func decompress(_ bytes: UnsafeRawBufferPointer, _ decompressor: any Decompressor) throws {
        let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 10_000, alignment: 16)
        defer { output.deallocate() }
        // In two pieces, so that the states in between are met too.
        var (position, end, written) = (0, bytes.count / 2, 0)
        while written < 1 << 20 {
            let (consumed, produced) = try decompressor.decode(
                UnsafeRawBufferPointer(rebasing: bytes[position..<end]), into: output)
            precondition(consumed <= end - position && produced <= output.count)
            position += consumed
            written += produced
            guard consumed == 0, produced == 0 else { continue }
            if end == bytes.count { return }
            end = bytes.count
        }
    }

    private static func readCorpus(_ path: String) throws {
        var configuration = CorpusConfiguration()
        var source = CorpusSource()
        source.path = path
        configuration.sources = [source]
        let listing = try CorpusListing(configuration)
        try CorpusSampler(listing: listing, seed: 0).sampleDocuments(limitBytes: 1 << 20) { _ in }
    }
}
