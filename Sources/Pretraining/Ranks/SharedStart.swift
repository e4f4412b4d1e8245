import Checkpoints
import Communication
import Configuration
import Corpus
import Foundation
import Kernels
import Tokenization

/// What the first rank tells the others of what a run begins with, so that they need neither its directory nor its checkpoints.
struct SharedStart: Codable {
    /// As it was asked for, to be compared, and as the run has it.
    var written: String
    var configuration: String
    var tokenizer: Data
    var loader: LoaderState?
    var state: RunState
    var fingerprint: CorpusFingerprint
    var inheritsTokenTypes: Bool
    var program: Program

    /// What computes: other programs and other kernels round differently.
    struct Program: Codable, Equatable {
        var version: String
        var digest: String
        var kernels: String
        /// What multiplies in single precision, with its version.
        var library: String

        static func current(_ configuration: RunConfiguration) throws -> Program {
            Program(
                version: programVersion, digest: try FileDigest.sha256(path: "/proc/self/exe", blocks: nil),
                kernels: configuration.training.precision.kernelName, library: ProductLibrary.current.name)
        }

        /// In what another differs; nil for nothing.
        func difference(from other: Program) -> String? {
            if version != other.version { return "it is pretrain \(version), the first rank \(other.version)" }
            if kernels != other.kernels {
                return "it multiplies with \(kernels), the first rank with \(other.kernels), which rounds differently "
                    + "(OPENBLAS_CORETYPE chooses)"
            }
            if library != other.library {
                return "it multiplies with \(library), the first rank with \(other.library), and versions may round "
                    + "differently"
            }
            return digest == other.digest ? nil : "its program is not the file that the first rank runs (SHA-256)"
        }
    }

    init(_ start: RunStart, _ configuration: RunConfiguration, written: RunConfiguration) throws {
        self.written = try ConfigurationWriter.yaml(written)
        self.configuration = try ConfigurationWriter.yaml(configuration)
        tokenizer = Data(start.tokenizer.serialized())
        loader = start.loader
        state = start.state
        fingerprint = start.fingerprint
        inheritsTokenTypes = start.inheritsTokenTypes
        program = try .current(configuration)
    }

    /// The run's configuration, with the paths of this rank's own.
    ///
    /// - Throws: `PretrainingError.rankDiffers` where this rank was asked for something else.
    func configuration(for own: RunConfiguration) throws -> RunConfiguration {
        func read(_ yaml: String) throws -> RunConfiguration {
            var result = RunConfiguration()
            try ConfigurationReader.read(yaml: yaml, origin: "the first rank's configuration", into: &result)
            return result
        }
        let differences = try ConfigurationGuard.differences(from: try read(written), to: own)
        guard differences.isEmpty else {
            throw RankDifference(
                reason: "it was asked for another configuration: "
                    + differences.map { $0.replacingOccurrences(of: "in the checkpoint", with: "on the first rank") }
                    .joined(separator: "; "))
        }
        var result = try read(configuration)
        for index in result.corpus.sources.indices {
            result.corpus.sources[index].path = own.corpus.sources[index].path
        }
        return result
    }
}

/// Why a rank cannot take part.
struct RankDifference: Error, CustomStringConvertible {
    var reason: String
    var description: String { reason }
}
