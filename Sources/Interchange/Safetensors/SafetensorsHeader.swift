/// What a safetensors file holds: names, types, shapes and places of its tensors, and its metadata.
///
/// The format: the header's length as a little-endian 64-bit number, the header as a JSON object, the tensors' bytes.
/// Source: https://github.com/huggingface/safetensors (README, "Format").
public struct SafetensorsHeader: Sendable, Equatable {
    public struct Tensor: Sendable, Equatable {
        public var name: String
        public var type: ElementType
        public var shape: [Int]
        /// Bytes relative to the end of the header.
        public var bytes: Range<Int>

        /// Number of elements.
        public var count: Int { bytes.count / type.size }
    }

    /// In the order of their bytes in the file.
    public var tensors: [Tensor]
    public var metadata: [String: String]

    /// Longest header that the format allows, in bytes.
    public static let maximumLength = 100_000_000

    static let metadataKey = "__metadata__"

    /// Reads a header and checks everything that the format promises about it.
    ///
    /// - Parameters:
    ///   - text: The JSON text.
    ///   - dataLength: Number of bytes that follow the header in the file.
    init(parsing text: UnsafeBufferPointer<UInt8>, dataLength: Int) throws(SafetensorsFailure) {
        guard text.first == UInt8(ascii: "{") else {
            throw .malformedHeader(at: 0, "it does not begin with a brace")
        }
        let value: StrictJSON
        do {
            value = try StrictJSON(parsing: text)
        } catch {
            switch error {
            case .malformed(let offset, let problem): throw .malformedHeader(at: offset, problem)
            case .duplicateKey(let key): throw .duplicateKey(key)
            }
        }
        guard case .object(let members) = value else { throw .malformedHeader(at: 0, "it is not an object") }

        metadata = [:]
        tensors = []
        tensors.reserveCapacity(members.count)
        for member in members {
            let name = member.key
            guard case .object(let fields) = member.value else {
                throw .malformedEntry(tensor: name, "it is not an object")
            }
            if name == Self.metadataKey {
                for field in fields {
                    guard case .string(let text) = field.value else {
                        throw .malformedEntry(tensor: name, "the value of \(field.key.quoted) is not a string")
                    }
                    metadata[field.key] = text
                }
            } else {
                tensors.append(try Self.tensor(name, fields))
            }
        }
        tensors.sort { ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound) }

        var end = 0
        for tensor in tensors {
            guard tensor.bytes.lowerBound == end else {
                throw .holeOrOverlap(tensor: tensor.name, begin: tensor.bytes.lowerBound, expected: end)
            }
            end = tensor.bytes.upperBound
        }
        guard end == dataLength else { throw .dataLength(expected: end, found: dataLength) }
    }

    /// Lays tensors out one after another in the given order.
    init(
        laying tensors: [(name: String, type: ElementType, shape: [Int])], metadata: [String: String]
    ) throws(SafetensorsFailure) {
        self.tensors = []
        self.metadata = metadata
        var names: Set<String> = []
        var end = 0
        for (name, type, shape) in tensors {
            guard name != Self.metadataKey else { throw .misuse("no tensor can have the name \(name)") }
            guard names.insert(name).inserted else { throw .duplicateKey(name) }
            guard let size = Self.byteCount(shape, type),
                case (let next, let overflow) = end.addingReportingOverflow(size),
                !overflow
            else { throw .wrongSize(tensor: name, shape: shape, type: type, bytes: Int.max) }
            self.tensors.append(Tensor(name: name, type: type, shape: shape, bytes: end..<next))
            end = next
        }
    }

    /// The header's length and text as they stand at the beginning of the file, padded to a multiple of 8 bytes.
    func encoded() throws(SafetensorsFailure) -> [UInt8] {
        var entries: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\($0.key.asJSON):\($0.value.asJSON)" }
            entries.append("\(Self.metadataKey.asJSON):{\(pairs.joined(separator: ","))}")
        }
        for tensor in tensors {
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            let offsets = "\(tensor.bytes.lowerBound),\(tensor.bytes.upperBound)"
            entries.append(
                "\(tensor.name.asJSON):{\"dtype\":\(tensor.type.rawValue.asJSON),\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(offsets)]}")
        }
        var text = Array("{\(entries.joined(separator: ","))}".utf8)
        text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
        guard text.count <= Self.maximumLength else {
            throw .headerLength(UInt64(text.count), available: Self.maximumLength)
        }
        return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
    }

    /// Shape times element size, or nil on overflow or a negative dimension.
    static func byteCount(_ shape: [Int], _ type: ElementType) -> Int? {
        var count = type.size
        // A dimension of 0 must not hide that the others overflow: other readers multiply in another order.
        for dimension in shape {
            guard dimension >= 0,
                case (let product, let overflow) = count.multipliedReportingOverflow(by: max(dimension, 1)),
                !overflow
            else { return nil }
            count = product
        }
        return shape.contains(0) ? 0 : count
    }

    private static func tensor(
        _ name: String, _ fields: [StrictJSON.Member]
    ) throws(SafetensorsFailure) -> Tensor {
        var type: ElementType?
        var shape: [Int]?
        var offsets: [Int]?
        for field in fields {
            let (key, value) = (field.key, field.value)
            switch key {
            case "dtype":
                guard case .string(let text) = value else {
                    throw .malformedEntry(tensor: name, "its dtype is not a string")
                }
                type = ElementType(rawValue: text)
                if type == nil { throw .unknownElementType(tensor: name, text) }
            case "shape": shape = try naturalNumbers(name, key, value)
            case "data_offsets": offsets = try naturalNumbers(name, key, value)
            default: throw .malformedEntry(tensor: name, "unknown key \(key.quoted)")
            }
        }
        guard let type, let shape, let offsets else {
            throw .malformedEntry(tensor: name, "it needs dtype, shape and data_offsets")
        }
        guard offsets.count == 2, offsets[0] <= offsets[1] else {
            throw .malformedEntry(tensor: name, "its data_offsets are not a begin and an end")
        }
        let bytes = offsets[0]..<offsets[1]
        guard let size = byteCount(shape, type), size == bytes.count else {
            throw .wrongSize(tensor: name, shape: shape, type: type, bytes: bytes.count)
        }
        return Tensor(name: name, type: type, shape: shape, bytes: bytes)
    }

    private static func naturalNumbers(
        _ name: String, _ key: String, _ value: StrictJSON
    ) throws(SafetensorsFailure) -> [Int] {
        guard case .array(let elements) = value else {
            throw .malformedEntry(tensor: name, "its \(key) is not an array")
        }
        var numbers: [Int] = []
        numbers.reserveCapacity(elements.count)
        for element in elements {
            guard let number = element.naturalNumber else {
                throw .malformedEntry(tensor: name, "its \(key) holds something else than natural numbers")
            }
            numbers.append(number)
        }
        return numbers
    }
}

/// A problem before the file's path is attached to it.
typealias SafetensorsFailure = SafetensorsError.Problem

extension SafetensorsError.Problem: Error {}

/// Runs `body` and attaches the file's path to the problem that it throws.
func locating<Result>(
    _ path: String, _ body: () throws(SafetensorsFailure) -> Result
) throws(SafetensorsError) -> Result {
    do throws(SafetensorsFailure) {
        return try body()
    } catch {
        throw SafetensorsError(path, error)
    }
}
