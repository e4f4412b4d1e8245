import Checkpoints
import Corpus
import Foundation
import Pretraining

extension CorpusFacts {
    /// - Parameters:
    ///   - documents: of the newest checkpoint.
    ///   - sources: as configured now; the corpus may have moved.
    init(_ documents: TrainingCheckpoint.Documents, sources configured: [CorpusSource]) {
        let read = documents.loader.sources
        // Nothing has been held against the corpus here, so that counters may be anything.
        let total = max(1, read.reduce(0.0) { $0 + Double($1.tokens) })
        sources = configured.enumerated().map { index, source in
            let files = documents.fingerprint.files.filter { $0.source == index }
            let state = read.indices.contains(index) ? read[index] : SourceState()
            return Source(
                path: source.path, weight: source.weight, files: files.count,
                bytes: Int(CorpusFingerprint.bytes(files)), sha256: Self.digest(files),
                documents: Int(state.documents), heldOutDocuments: Int(state.heldOutDocuments),
                tokens: Int(state.tokens), share: Double(state.tokens) / total, passes: state.epoch)
        }
        heldOutShare = documents.configuration.corpus.heldOut
        digestsAreOfBlocks = documents.fingerprint.blocksPerFile != nil
        acceptedChanges = documents.state.acceptedChanges
    }

    /// Of a single file its own; of several that of lines `digest  name`, as `sha256sum` writes them.
    private static func digest(_ files: [CorpusFingerprint.File]) -> String? {
        let digests = files.compactMap(\.sha256)
        guard !files.isEmpty, digests.count == files.count else { return nil }
        if files.count == 1 { return digests[0] }
        let list = zip(files, digests).map { "\($1)  \($0.path)\n" }.sorted().joined()
        return Data(list.utf8).withUnsafeBytes { SHA256Hasher.digest($0) }
    }
}
