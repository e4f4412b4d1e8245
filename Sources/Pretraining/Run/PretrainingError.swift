/// Why pretraining cannot start or go on as it was asked for.
public enum PretrainingError: Error, Equatable, Sendable, CustomStringConvertible {
    case noSources
    /// Settings that determine the result differ from those of the checkpoint.
    case configurationChanged(checkpoint: String, differences: [String])
    /// The checkpoint is of another kind of model or engine.
    case unusableCheckpoint(path: String, reason: String)
    /// `tokenizer.path` names another tokenizer than the checkpoint has.
    case tokenizerChanged(path: String)
    /// The same of the weights that a run starts from.
    case tokenizerOfWeights(path: String)
    /// Tensors that a checkpoint has nothing for.
    case cannotTransfer(checkpoint: String, tensors: [String])
    /// An imported model has weights alone: no moments, and no place in a corpus.
    case nothingToResume(path: String)
    case noCorpus(path: String)
    /// The checkpoint's generator does not fit the run.
    case unusableGenerator(path: String, reason: String)
    /// A run that several ranks cannot carry together.
    case cannotShare(ranks: Int, reason: String)
    /// A rank would compute something else than the others.
    case rankDiffers(rank: Int, host: String, reason: String)

    public var description: String {
        switch self {
        case .noSources:
            "the configuration names no text: list files, folders or globs under corpus.sources, for example "
                + "--set 'corpus.sources=[{path: corpora/mine/*.txt}]'"
        case .configurationChanged(let checkpoint, let differences):
            """
            the configuration differs from that of \(checkpoint):
              \(differences.joined(separator: "\n  "))
            A resumed run must keep what determines its result. Restore these settings, choose another --output, or \
            start anew with --resume never.
            """
        case .unusableCheckpoint(let path, let reason): "\(path): \(reason)"
        case .tokenizerChanged(let path):
            "\(path): not the tokenizer that the run started with; restore the file, leave tokenizer.path as it was, "
                + "or start anew with --resume never"
        case .tokenizerOfWeights(let path):
            "\(path): not the tokenizer of the weights that the run starts from; with --tokenizer \(path) it keeps the encoder and "
                + "makes the tables of tokens anew"
        case .cannotTransfer(let checkpoint, let tensors):
            """
            the model cannot start from \(checkpoint), which has nothing for
              \(tensors.prefix(8).joined(separator: "\n  "))\(tensors.count > 8 ? "\n  and \(tensors.count - 8) more" : "")
            Layers, widths, embeddings and vocabulary must be those of the checkpoint; attention, lengths, heads and training \
            may differ.
            """
        case .nothingToResume(let path):
            "\(path): an imported model, of which there is no run to resume; begin one with --from \(path) and an --output of "
                + "its own"
        case .noCorpus(let path):
            "\(path): an imported model, which has no corpus of its own; name text with --corpus"
        case .unusableGenerator(let path, let reason): "\(path): not a generator for this run: \(reason)"
        case .cannotShare(let ranks, let reason): "this run cannot be shared by \(ranks) ranks: \(reason)"
        case .rankDiffers(let rank, let host, let reason): "rank \(rank) on \(host) cannot take part: \(reason)"
        }
    }
}
