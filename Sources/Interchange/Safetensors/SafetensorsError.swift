/// Why a safetensors file cannot be read or written.
public struct SafetensorsError: Error, Equatable, CustomStringConvertible {
    public enum Problem: Equatable, Sendable {
        /// The file has fewer than the 8 bytes of the header's length.
        case noHeader(size: Int)
        /// The header's length is beyond the file's end or beyond what the format allows.
        case headerLength(UInt64, available: Int)
        /// The header is not a JSON object as the format wants it, at a byte offset into it.
        case malformedHeader(at: Int, String)
        /// A key appears twice in one object of the header.
        case duplicateKey(String)
        /// An entry of the header is not what the format says it must be.
        case malformedEntry(tensor: String, String)
        case unknownElementType(tensor: String, String)
        /// Shape times element size overflows or differs from the bytes that the offsets span.
        case wrongSize(tensor: String, shape: [Int], type: ElementType, bytes: Int)
        /// A tensor does not begin where the one before it ends.
        case holeOrOverlap(tensor: String, begin: Int, expected: Int)
        /// The file's data does not end where the last tensor ends.
        case dataLength(expected: Int, found: Int)
        case missingTensor(String)
        /// The tensor's elements cannot be read as the wanted type.
        case unsuitableType(tensor: String, type: ElementType, wanted: String)
        /// A value does not fit into the wanted type.
        case valueOutOfRange(tensor: String, index: Int, wanted: String)
        /// The destination has room for another number of elements.
        case wrongCount(tensor: String, expected: Int, found: Int)
        /// The file became shorter after it was opened.
        case truncatedWhileReading(tensor: String)
        /// What was written does not match what was declared.
        case misuse(String)
    }

    public var path: String
    public var problem: Problem

    public init(_ path: String, _ problem: Problem) {
        self.path = path
        self.problem = problem
    }

    public var description: String { "\(path): \(problem.sentence)" }
}

extension SafetensorsError.Problem {
    /// The problem without the path.
    var sentence: String {
        switch self {
        case .noHeader(let size):
            "not a safetensors file: \(size) bytes are too few for the length of a header"
        case .headerLength(let length, let available):
            "not a safetensors file or truncated: it claims a header of \(length) bytes, and \(available) are there "
                + "(the format allows \(SafetensorsHeader.maximumLength))"
        case .malformedHeader(let offset, let problem):
            "malformed header at byte \(offset): \(problem)"
        case .duplicateKey(let key):
            "the header has the key \(key.quoted) twice"
        case .malformedEntry(let tensor, let problem):
            "malformed header entry \(tensor.quoted): \(problem)"
        case .unknownElementType(let tensor, let type):
            "tensor \(tensor.quoted) has the unknown element type \(type.quoted)"
        case .wrongSize(let tensor, let shape, let type, let bytes):
            "tensor \(tensor.quoted) of shape \(shape) and type \(type.rawValue) cannot take \(bytes) bytes"
        case .holeOrOverlap(let tensor, let begin, let expected):
            "tensor \(tensor.quoted) begins at byte \(begin) of the data; the one before it ends at \(expected)"
        case .dataLength(let expected, let found):
            "the tensors take \(expected) bytes and the file holds \(found): "
                + (found < expected ? "it is truncated" : "something follows the last tensor")
        case .missingTensor(let tensor):
            "there is no tensor named \(tensor.quoted)"
        case .unsuitableType(let tensor, let type, let wanted):
            "tensor \(tensor.quoted) holds \(type.rawValue), which cannot be read as \(wanted)"
        case .valueOutOfRange(let tensor, let index, let wanted):
            "element \(index) of tensor \(tensor.quoted) does not fit into \(wanted)"
        case .wrongCount(let tensor, let expected, let found):
            "tensor \(tensor.quoted) has \(expected) elements; \(found) were asked for"
        case .truncatedWhileReading(let tensor):
            "the file became shorter while tensor \(tensor.quoted) was read"
        case .misuse(let problem):
            problem
        }
    }
}

extension String {
    /// In quotation marks, without control characters and of bounded length, for messages about hostile input.
    var quoted: String {
        let shown = unicodeScalars.prefix(120).map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }
        return "\"" + String(String.UnicodeScalarView(shown)) + (unicodeScalars.count > 120 ? "…" : "") + "\""
    }
}
