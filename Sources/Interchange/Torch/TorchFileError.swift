/// Why a file of PyTorch's (`pytorch_model.bin`) cannot be read.
public struct TorchFileError: Error, Equatable, CustomStringConvertible {
    public enum Problem: Equatable, Sendable {
        /// Neither PyTorch's zip archive nor what it wrote before version 1.6.
        case unknownFormat
        /// The archive is not one as PyTorch writes it: truncated, overlapping, with names that lead out of it.
        case malformedArchive(String)
        /// An entry is compressed. PyTorch never does, and a few bytes could stand for terabytes.
        case compressed(entry: String)
        /// An entry's bytes are not those that its CRC-32 was taken of.
        case damaged(entry: String)
        /// The pickle breaks off or contradicts itself, at a byte offset into it.
        case malformedPickle(at: Int, String)
        /// The pickle asks for something that no file of weights needs, such as calling a function.
        case forbidden(at: Int, String)
        /// The file holds something else than named tensors.
        case notWeights(String)
        /// A tensor's shape, strides and place do not fit its storage.
        case malformedTensor(String, String)
        case missingTensor(String)
    }

    public var path: String
    public var problem: Problem

    public init(_ path: String, _ problem: Problem) {
        self.path = path
        self.problem = problem
    }

    public var description: String { "\(path): \(problem.sentence)" }
}

extension TorchFileError.Problem {
    fileprivate var sentence: String {
        switch self {
        case .unknownFormat: "neither an archive nor a pickle as torch.save writes them"
        case .malformedArchive(let problem): "not a whole archive of torch.save: \(problem)"
        case .compressed(let entry):
            "the entry \(entry.quoted) is compressed, which torch.save never does; the file is refused"
        case .damaged(let entry): "the entry \(entry.quoted) is damaged: its checksum differs"
        case .malformedPickle(let offset, let problem): "malformed pickle at byte \(offset): \(problem)"
        case .forbidden(let offset, let what):
            "the pickle asks at byte \(offset) for \(what), which weights do not need; nothing was executed. If the file "
                + "is to be trusted, load it where it comes from and save it as model.safetensors"
        case .notWeights(let what): "it holds something else than named tensors: \(what)"
        case .malformedTensor(let name, let problem): "tensor \(name.quoted): \(problem)"
        case .missingTensor(let name): "there is no tensor named \(name.quoted)"
        }
    }
}

/// A problem before the file's path is attached to it.
typealias TorchFailure = TorchFileError.Problem

extension TorchFileError.Problem: Error {}
