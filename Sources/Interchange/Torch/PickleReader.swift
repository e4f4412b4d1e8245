/// Reads the part of Python's pickle protocol 2 that files of weights are written in, and executes nothing.
///
/// A pickle is a program for a machine with a stack, of which one instruction calls any function of any module. This
/// reader knows the few names that weights need and builds plain values where these would be called; every other name and
/// every other instruction is an error. Memory is bounded by the pickle's size. Source: CPython's `Lib/pickletools.py`, and
/// `torch/serialization.py` for the persistent ids.
struct PickleReader {
    private let bytes: UnsafeRawBufferPointer
    private var position: Int
    private var pickle = Pickle()
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    /// Tuples inside one another, of every tuple.
    private var depths: [UInt8] = []

    /// A tensor's arguments hold its shape, and nothing is deeper.
    private static let deepest: UInt8 = 8

    /// - Parameter position: where the pickle begins.
    static func read(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) throws(TorchFailure) -> Pickle {
        var reader = PickleReader(bytes: bytes, position: position)
        return try reader.run()
    }

    private init(bytes: UnsafeRawBufferPointer, position: Int) {
        self.bytes = bytes
        self.position = position
    }

    private func fail(_ problem: String) -> TorchFailure { .malformedPickle(at: position, problem) }

    private mutating func run() throws(TorchFailure) -> Pickle {
        guard try byte() == 0x80, try byte() == 2 else {
            throw .malformedPickle(at: position, "it is not of protocol 2, which torch.save writes")
        }
        while true {
            let start = position
            let code = try byte()
            if code == UInt8(ascii: ".") {
                guard stack.count == 1, marks.isEmpty else { throw fail("it ends with \(stack.count) values") }
                pickle.value = stack[0]
                pickle.end = position
                return pickle
            }
            try execute(code, at: start)
        }
    }

    private mutating func execute(_ code: UInt8, at start: Int) throws(TorchFailure) {
        switch code {
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: ")"): try pushTuple([])
        case UInt8(ascii: "t"): try pushTuple(try popToMark())
        case 0x85, 0x86, 0x87: try pushTuple(try pop(Int(code) - 0x84))
        case UInt8(ascii: "]"):
            stack.append(.list(pickle.lists.count))
            pickle.lists.append([])
        case UInt8(ascii: "}"): pushDictionary()
        case UInt8(ascii: "a"): try append(try pop(1))
        case UInt8(ascii: "e"): try append(try popToMark())
        case UInt8(ascii: "s"): try setItems(try pop(2))
        case UInt8(ascii: "u"): try setItems(try popToMark())
        case UInt8(ascii: "q"): try remember(try number(1))
        case UInt8(ascii: "r"): try remember(try number(4))
        case UInt8(ascii: "h"): try recall(try number(1))
        case UInt8(ascii: "j"): try recall(try number(4))
        case UInt8(ascii: "X"), UInt8(ascii: "T"): stack.append(.text(try text(try number(4))))
        case UInt8(ascii: "U"): stack.append(.text(try text(try number(1))))
        case UInt8(ascii: "K"): stack.append(.integer(try number(1)))
        case UInt8(ascii: "M"): stack.append(.integer(try number(2)))
        case UInt8(ascii: "J"): stack.append(.integer(Int(Int32(truncatingIfNeeded: try number(4)))))
        case 0x8A: try longInteger()
        case UInt8(ascii: "G"): try real()
        case UInt8(ascii: "N"): stack.append(.none)
        case 0x88: stack.append(.boolean(true))
        case 0x89: stack.append(.boolean(false))
        case UInt8(ascii: "c"): try global(at: start)
        case UInt8(ascii: "Q"): try persistent(at: start)
        case UInt8(ascii: "R"): try reduce(at: start)
        case UInt8(ascii: "b"): try build(at: start)
        default: throw .forbidden(at: start, "the instruction \(name(of: code))")
        }
    }

    private func name(of code: UInt8) -> String {
        code > 0x20 && code < 0x7F ? "\"\(Character(Unicode.Scalar(code)))\"" : "0x\(String(code, radix: 16))"
    }

    // MARK: Bytes

    private mutating func byte() throws(TorchFailure) -> UInt8 {
        guard position < bytes.count else { throw fail("it breaks off") }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func take(_ count: Int) throws(TorchFailure) -> UnsafeRawBufferPointer {
        guard count <= bytes.count - position else { throw fail("it breaks off") }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    private mutating func number(_ size: Int) throws(TorchFailure) -> Int {
        try take(size).reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private mutating func text(_ count: Int) throws(TorchFailure) -> String {
        guard let text = String(validating: try take(count), as: UTF8.self) else { throw fail("a text is not UTF-8") }
        return text
    }

    private mutating func line() throws(TorchFailure) -> String {
        let rest = bytes[position...].prefix(300)
        guard let end = rest.firstIndex(of: 0x0A) else { throw fail("a name does not end") }
        let line = try text(end - position)
        position += 1
        return line
    }

    private mutating func longInteger() throws(TorchFailure) {
        let digits = Array(try take(try number(1)))
        guard digits.count <= 8 else {
            stack.append(.longInteger(digits))
            return
        }
        let isNegative = digits.last.map { $0 & 0x80 != 0 } ?? false
        var value: UInt64 = isNegative ? .max : 0
        for digit in digits.reversed() { value = value << 8 | UInt64(digit) }
        stack.append(.integer(Int(Int64(bitPattern: value))))
    }

    private mutating func real() throws(TorchFailure) {
        // Big-endian, alone among all numbers.
        let pattern = try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        stack.append(.real(Double(bitPattern: pattern)))
    }

    // MARK: The stack

    /// The uppermost values, which must lie above the last mark.
    private mutating func pop(_ count: Int) throws(TorchFailure) -> [PickleValue] {
        guard stack.count - (marks.last ?? 0) >= count else { throw fail("too few values are on the stack") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws(TorchFailure) -> [PickleValue] {
        guard let mark = marks.popLast() else { throw fail("there is no mark on the stack") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private func top() throws(TorchFailure) -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.last else { throw fail("the stack is empty") }
        return value
    }

    private mutating func pushTuple(_ elements: [PickleValue]) throws(TorchFailure) {
        var depth: UInt8 = 1
        for case .tuple(let index) in elements { depth = max(depth, depths[index] + 1) }
        guard depth <= Self.deepest else { throw fail("more than \(Self.deepest) tuples inside one another") }
        depths.append(depth)
        stack.append(.tuple(pickle.tuples.count))
        pickle.tuples.append(elements)
    }

    private mutating func pushDictionary() {
        stack.append(.dictionary(pickle.dictionaries.count))
        pickle.dictionaries.append([])
    }

    private mutating func append(_ elements: [PickleValue]) throws(TorchFailure) {
        guard case .list(let index) = try top() else { throw fail("something is appended to no list") }
        pickle.lists[index] += elements
    }

    private mutating func setItems(_ items: [PickleValue]) throws(TorchFailure) {
        guard case .dictionary(let index) = try top(), items.count.isMultiple(of: 2) else {
            throw fail("items are set of no dictionary")
        }
        for start in stride(from: 0, to: items.count, by: 2) {
            pickle.dictionaries[index].append((items[start], items[start + 1]))
        }
    }

    private mutating func remember(_ place: Int) throws(TorchFailure) { memo[place] = try top() }

    private mutating func recall(_ place: Int) throws(TorchFailure) {
        guard let value = memo[place] else { throw fail("it refers to a value that is not there") }
        stack.append(value)
    }

    // MARK: What would be calls

    private mutating func global(at start: Int) throws(TorchFailure) {
        let (module, name) = (try line(), try line())
        guard let global = PickleGlobal(module: module, name: name) else {
            throw .forbidden(at: start, "\("\(module).\(name)".quoted)")
        }
        stack.append(.global(global))
    }

    /// A storage by its id: `("storage", type, key, location, count)`, and in older files a view of it, which must be none.
    private mutating func persistent(at start: Int) throws(TorchFailure) {
        guard let parts = pickle.elements(of: try pop(1)[0]), parts.count >= 5, parts[0] == .text("storage"),
            case .global(.storageType(let type)) = parts[1], case .text(let key) = parts[2],
            case .integer(let count) = parts[4], count >= 0, parts.count == 5 || parts.count == 6 && parts[5] == .none
        else { throw .forbidden(at: start, "an object that is no storage of numbers") }
        stack.append(.storage(pickle.storages.count))
        pickle.storages.append(PickledStorage(key: key, type: type, count: count))
    }

    private mutating func reduce(at start: Int) throws(TorchFailure) {
        let operands = try pop(2)
        guard case .global(let global) = operands[0], case .tuple(let index) = operands[1] else {
            throw .forbidden(at: start, "a call of a value")
        }
        let arguments = pickle.tuples[index]
        switch global {
        case .orderedDictionary where arguments.isEmpty: pushDictionary()
        case .rebuildTensor: try tensor(arguments)
        case .rebuildParameter:
            guard let tensor = arguments.first, case .tensor = tensor else { throw fail("a parameter is no tensor") }
            stack.append(tensor)
        case .orderedDictionary, .storageType: throw .forbidden(at: start, "a call that no file of weights makes")
        }
    }

    private mutating func tensor(_ arguments: [PickleValue]) throws(TorchFailure) {
        guard arguments.count >= 4, case .storage(let index) = arguments[0], case .integer(let offset) = arguments[1],
            let shape = pickle.integers(arguments[2]), let strides = pickle.integers(arguments[3]),
            shape.count == strides.count, shape.count <= 64
        else { throw fail("a tensor is not given by storage, offset, shape and strides") }
        stack.append(.tensor(pickle.tensors.count))
        pickle.tensors.append(
            PickledTensor(storage: pickle.storages[index], offset: offset, shape: shape, strides: strides))
    }

    /// A dictionary of weights carries versions of its modules, which say nothing about numbers.
    private mutating func build(at start: Int) throws(TorchFailure) {
        let state = try pop(1)[0]
        guard case .dictionary = try top(), let members = pickle.members(of: state),
            members.count <= 1, members.allSatisfy({ $0.key == .text("_metadata") })
        else { throw .forbidden(at: start, "an object with a state of its own") }
    }
}
