import Files

/// What `torch.save` wrote before PyTorch 1.6: pickles of a magic number, of the protocol, of the machine and of the weights,
/// then the storages' keys and, in their order, each one's number of elements and bytes.
struct TorchStream: StorageSource {
    let pickle: Pickle
    private let file: FileDescriptor
    private let places: [String: Range<Int>]

    private static let largestPickles = 16 << 20
    /// 0x1950a86a20f9469cfc6c.
    private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

    /// - Throws: `TorchFailure`, `FileFailure`.
    init(_ file: FileDescriptor, size: Int) throws {
        self.file = file
        let bytes = try TorchArchive.read(file, 0..<min(size, Self.largestPickles))
        let pickles = try bytes.withUnsafeBytes { try Self.pickles($0) }
        let (weights, keys) = (pickles[0], pickles[1])
        pickle = weights
        var position = keys.end
        var places: [String: Range<Int>] = [:]
        let known = Dictionary(weights.storages.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        for key in keys.elements(of: keys.value) ?? [] {
            guard case .text(let key) = key, let storage = known[key], places[key] == nil else {
                throw TorchFailure.notWeights("its list of storages is not that of its tensors")
            }
            guard size - position >= 8 else { throw TorchFailure.malformedArchive("it is truncated") }
            var length = LittleEndianReader(try TorchArchive.read(file, position..<position + 8))
            position += 8
            guard let count = length.number(8), count == storage.count, count <= (size - position) / storage.type.size
            else {
                throw TorchFailure.malformedArchive("a storage of \(storage.count) elements is truncated")
            }
            places[key] = position..<position + count * storage.type.size
            position += count * storage.type.size
        }
        guard position == size else { throw TorchFailure.malformedArchive("something follows the last storage") }
        self.places = places
    }

    /// Those of the weights and of the storages' keys, behind the three that say what the file is.
    private static func pickles(_ bytes: UnsafeRawBufferPointer) throws(TorchFailure) -> [Pickle] {
        var end = 0
        func next() throws(TorchFailure) -> Pickle {
            let pickle = try PickleReader.read(bytes, at: end)
            end = pickle.end
            return pickle
        }
        guard try next().value == .longInteger(magic), try next().value == .integer(1001) else { throw .unknownFormat }
        let machine = try next()
        let order = machine.members(of: machine.value)?.first { $0.key == .text("little_endian") }
        guard order == nil || order?.value == .boolean(true) else {
            throw .notWeights("its numbers are not little-endian")
        }
        return [try next(), try next()]
    }

    func size(of storage: PickledStorage) -> Int? { places[storage.key]?.count }

    func bytes(of storage: PickledStorage) throws -> [UInt8] {
        guard let place = places[storage.key] else { throw TorchFailure.malformedArchive("a storage is missing") }
        return try TorchArchive.read(file, place)
    }
}
