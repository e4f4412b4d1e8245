/// What a pickle of weights can hold. Containers are numbers of places in the pickle's own lists, so that no nesting,
/// however deep or circular, is ever walked through.
enum PickleValue: Equatable, Sendable {
    case none
    case boolean(Bool)
    case integer(Int)
    /// Of more than 8 bytes, little-endian.
    case longInteger([UInt8])
    case real(Double)
    case text(String)
    case global(PickleGlobal)
    case tuple(Int)
    case list(Int)
    case dictionary(Int)
    case storage(Int)
    case tensor(Int)
}

/// The names that a pickle may refer to; all others are refused. None of them is ever called: the reader knows what they make.
enum PickleGlobal: Equatable, Sendable {
    case orderedDictionary
    case rebuildTensor
    case rebuildParameter
    case storageType(ElementType)

    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch", let name) where name.hasSuffix("Storage"):
            guard let type = Self.storageTypes[String(name.dropLast("Storage".count))] else { return nil }
            self = .storageType(type)
        default: return nil
        }
    }

    private static let storageTypes: [String: ElementType] = [
        "Float": .float32, "Half": .float16, "BFloat16": .bfloat16, "Double": .float64, "Long": .signed64,
        "Int": .signed32, "Short": .signed16, "Char": .signed8, "Byte": .unsigned8, "Bool": .bool,
    ]
}

/// A pickle that has been read: its value, and what the value refers to.
struct Pickle: Sendable {
    var value = PickleValue.none
    var tuples: [[PickleValue]] = []
    var lists: [[PickleValue]] = []
    var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
    var storages: [PickledStorage] = []
    var tensors: [PickledTensor] = []
    /// Where it ends in the bytes that it was read from.
    var end = 0

    /// The members of a dictionary.
    func members(of value: PickleValue) -> [(key: PickleValue, value: PickleValue)]? {
        if case .dictionary(let index) = value { dictionaries[index] } else { nil }
    }

    /// The elements of a tuple or a list.
    func elements(of value: PickleValue) -> [PickleValue]? {
        switch value {
        case .tuple(let index): tuples[index]
        case .list(let index): lists[index]
        default: nil
        }
    }

    /// The whole numbers of a tuple.
    func integers(_ value: PickleValue) -> [Int]? {
        guard case .tuple(let index) = value else { return nil }
        var result: [Int] = []
        for element in tuples[index] {
            guard case .integer(let number) = element else { return nil }
            result.append(number)
        }
        return result
    }
}
