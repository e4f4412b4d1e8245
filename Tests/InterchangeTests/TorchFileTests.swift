import Foundation
import Interchange
import TestSupport
import Testing

/// Files of torch.save: whole ones, and ones that are damaged or mean harm.
@Suite struct TorchFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func open(_ bytes: [UInt8]) throws -> TorchFile {
        try TorchFile(path: folder.write(bytes, to: "pytorch_model.bin"))
    }

    /// The problem of a file, which must be told within a second.
    private func problem(
        _ bytes: [UInt8], reading name: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) -> TorchFileError.Problem? {
        let start = ContinuousClock.now
        let error = #expect(throws: TorchFileError.self, sourceLocation: sourceLocation) {
            let file = try open(bytes)
            if let name { _ = try file.floats(of: name) }
        }
        #expect(start.duration(to: .now) < .seconds(1), sourceLocation: sourceLocation)
        #expect(error?.description.contains("pytorch_model.bin") ?? false, sourceLocation: sourceLocation)
        return error?.problem
    }

    private static func floats(_ values: [Float]) -> [UInt8] {
        values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
    }

    private static let six = floats([0, 1, 2, 3, 4, 5])
    private static let matrix = PickleBytes.tensor(PickleBytes.storage("0", count: 6), shape: [2, 3], strides: [3, 1])

    private func archive(_ tensor: [UInt8], _ storage: [UInt8] = six) -> [UInt8] {
        ArchiveBytes(pickle: PickleBytes.weights(tensor), storages: ["0": storage]).bytes
    }

    @Test func tensorsAreReadWithTheirStrides() throws {
        #expect(try open(archive(Self.matrix)).floats(of: "weight") == [0, 1, 2, 3, 4, 5])
        let transposed = PickleBytes.tensor(PickleBytes.storage("0", count: 6), shape: [3, 2], strides: [1, 3])
        let file = try open(archive(transposed))
        #expect(file.shape(of: "weight") == [3, 2] && file.type(of: "weight") == .float32)
        #expect(try file.floats(of: "weight") == [0, 3, 1, 4, 2, 5])
        let part = PickleBytes.tensor(PickleBytes.storage("0", count: 6), offset: 2, shape: [2], strides: [2])
        #expect(try open(archive(part)).floats(of: "weight") == [2, 4])
        let empty = PickleBytes.tensor(PickleBytes.storage("0", count: 6), shape: [0, 7], strides: [7, 1])
        #expect(try open(archive(empty)).floats(of: "weight") == [])
        // An axis of one element, or of none, is never gone along: its stride may be anything.
        let one = PickleBytes.tensor(
            PickleBytes.storage("0", count: 6), offset: 1, shape: [1, 2], strides: [.max, 2])
        #expect(try open(archive(one)).floats(of: "weight") == [1, 3])
        let none = PickleBytes.tensor(
            PickleBytes.storage("0", count: 6), shape: [0, 1 << 31, 1 << 32], strides: [0, 1 << 32, 1])
        #expect(try open(archive(none)).floats(of: "weight") == [])
        let longs = PickleBytes.tensor(
            PickleBytes.storage("0", count: 3, type: "LongStorage"), shape: [3], strides: [1])
        let numbers = [7, -1, 1 << 40].flatMap { value in withUnsafeBytes(of: Int64(value)) { Array($0) } }
        #expect(try open(archive(longs, numbers)).floats(of: "weight") == [7, -1, 1_099_511_627_776])
    }

    @Test("A state that is set again and again is refused at once")
    func manyStates() {
        // A dictionary with a hundred thousand members, given as the state of another one as often.
        let members = (0..<100_000).flatMap { _ in PickleBytes.text("_metadata") + [UInt8(ascii: "N")] }
        let state = PickleBytes.dictionary + PickleBytes.mark + members + [UInt8(ascii: "u"), UInt8(ascii: "q"), 0]
        let again = (0..<100_000).flatMap { _ in [UInt8(ascii: "h"), 0, UInt8(ascii: "b")] }
        let pickle = [0x80, 2] + state + PickleBytes.dictionary + again + PickleBytes.stop
        #expect(problem(ArchiveBytes(pickle: pickle, storages: [:]).bytes) != nil)
    }

    /// What PyTorch itself writes, in both of its formats; `ImportGoldenTests` compare the numbers.
    @Test func filesOfPyTorchAreRead() throws {
        for (name, count) in [("electra-base/discriminator", 41), ("electra-base/generator", 45), ("bert", 48)] {
            let file = try TorchFile(path: Fixture.path("import/\(name)/pytorch_model.bin"))
            #expect(file.names.count == count, "\(name)")
            for tensor in file.names { #expect(try file.floats(of: tensor).allSatisfy { abs($0) < 10 }, "\(tensor)") }
        }
    }

    @Test(
        arguments: [
            ("posix", "system"), ("os", "system"), ("builtins", "eval"), ("__builtin__", "exec"),
            ("subprocess", "Popen"),
            ("torch", "load"), ("torch._utils", "_rebuild_qtensor"), ("torch", "EvilStorage"), ("collections", "deque"),
        ])
    func nothingIsCalled(_ module: String, _ name: String) {
        let call =
            PickleBytes.global(module, name) + PickleBytes.mark + PickleBytes.text("touch harm") + PickleBytes.tuple
            + PickleBytes.reduce
        for pickle in [[0x80, 2] + call + PickleBytes.stop, PickleBytes.weights(call)] {
            guard case .forbidden(_, let what) = problem(ArchiveBytes(pickle: pickle).bytes) else {
                Issue.record("not forbidden: \(module).\(name)")
                return
            }
            #expect(what.contains("\(module).\(name)"))
        }
    }

    @Test func noOtherInstructionIsKnown() {
        // NEWOBJ, INST, OBJ, EXT1, STACK_GLOBAL, MEMOIZE, GET as text, PUT, INT, FLOAT, DUP, POP, STRING, LONG, PERSID …
        for code in [
            0x81, 0x69, 0x6F, 0x82, 0x93, 0x94, 0x67, 0x70, 0x49, 0x46, 0x32, 0x30, 0x53, 0x4C, 0x50, 0x8B, 0x8D,
        ] {
            let pickle = [0x80, 2] + PickleBytes.dictionary + [UInt8(code)] + Array("0\n0\n".utf8) + PickleBytes.stop
            guard case .forbidden? = problem(ArchiveBytes(pickle: pickle).bytes) else {
                Issue.record("not forbidden: \(code)")
                continue
            }
        }
        let newer: [UInt8] = [0x80, 4, 0x7D, 0x2E]
        guard case .malformedPickle? = problem(ArchiveBytes(pickle: newer).bytes) else {
            Issue.record("protocol 4")
            return
        }
    }

    @Test func whatContradictsItselfIsRefused() {
        let pop: [UInt8] = [0x80, 2] + PickleBytes.setItem + PickleBytes.stop
        let recall: [UInt8] = [0x80, 2, UInt8(ascii: "h"), 9] + PickleBytes.stop
        let unmarked: [UInt8] = [0x80, 2] + PickleBytes.tuple + PickleBytes.stop
        let endless: [UInt8] = [0x80, 2] + PickleBytes.dictionary
        let twoValues: [UInt8] = [0x80, 2] + PickleBytes.dictionary + PickleBytes.dictionary + PickleBytes.stop
        let state =
            [0x80, 2] + PickleBytes.dictionary + PickleBytes.dictionary + PickleBytes.text("__class__")
            + PickleBytes.integer(1) + PickleBytes.setItem + [UInt8(ascii: "b")] + PickleBytes.stop
        let callOfText =
            [0x80, 2] + PickleBytes.text("x") + PickleBytes.emptyTuple + PickleBytes.reduce + PickleBytes.stop
        let strangeStorage = [0x80, 2] + PickleBytes.text("x") + [UInt8(ascii: "Q")] + PickleBytes.stop
        for pickle in [pop, recall, unmarked, endless, twoValues, state, callOfText, strangeStorage, [], [0x80]] {
            switch problem(ArchiveBytes(pickle: pickle).bytes) {
            case .malformedPickle?, .forbidden?: break
            case let other: Issue.record("\(pickle): \(String(describing: other))")
            }
        }
        let list: [UInt8] = [0x80, 2, UInt8(ascii: "]")] + PickleBytes.stop
        let number =
            [0x80, 2] + PickleBytes.dictionary + PickleBytes.text("weight") + PickleBytes.integer(3)
            + PickleBytes.setItem + PickleBytes.stop
        let twice =
            [0x80, 2] + PickleBytes.dictionary + PickleBytes.text("a") + Self.matrix + PickleBytes.setItem
            + PickleBytes.text("a") + Self.matrix + PickleBytes.setItem + PickleBytes.stop
        for pickle in [list, number, twice] {
            guard case .notWeights? = problem(ArchiveBytes(pickle: pickle, storages: ["0": Self.six]).bytes) else {
                Issue.record("taken for weights")
                continue
            }
        }
    }

    /// Nesting that would exhaust the stack of whoever walks through it, and values that contain themselves.
    @Test func depthDoesNoHarm() {
        let deep = [0x80, 2] + PickleBytes.emptyTuple + [UInt8](repeating: 0x85, count: 2_000_000) + PickleBytes.stop
        guard case .malformedPickle? = problem(ArchiveBytes(pickle: deep).bytes) else {
            Issue.record("deep")
            return
        }
        // Lists within lists are never walked through.
        let lists = [0x80, 2] as [UInt8] + (0..<200_000).flatMap { _ in [UInt8(ascii: "]"), UInt8(ascii: "(")] }
        guard case .malformedPickle? = problem(ArchiveBytes(pickle: lists).bytes) else {
            Issue.record("lists")
            return
        }
        let circle: [UInt8] = [
            0x80, 2, UInt8(ascii: "]"), UInt8(ascii: "q"), 0, UInt8(ascii: "h"), 0, UInt8(ascii: "a"),
        ]
        guard case .notWeights? = problem(ArchiveBytes(pickle: circle + PickleBytes.stop).bytes) else {
            Issue.record("circle")
            return
        }
    }

    @Test func tensorsStayWithinTheirStorage() {
        let storage = PickleBytes.storage("0", count: 6)
        for tensor in [
            PickleBytes.tensor(storage, shape: [2, 4], strides: [4, 1]),
            PickleBytes.tensor(storage, offset: 1, shape: [2, 3], strides: [3, 1]),
            PickleBytes.tensor(storage, offset: -1, shape: [1], strides: [1]),
            PickleBytes.tensor(storage, shape: [-2, -3], strides: [3, 1]),
            PickleBytes.tensor(storage, shape: [2, 3], strides: [-3, 1]),
            // A number that is to stand for a great many.
            PickleBytes.tensor(storage, shape: [.max, .max], strides: [0, 0]),
            PickleBytes.tensor(storage, shape: [.max, .max, .max, .max], strides: [.max, .max, .max, .max]),
            PickleBytes.tensor(storage, shape: [7], strides: [0]),
            PickleBytes.tensor(PickleBytes.storage("0", count: 7), shape: [2], strides: [1]),
            PickleBytes.tensor(PickleBytes.storage("0", count: 6, type: "DoubleStorage"), shape: [2], strides: [1]),
            PickleBytes.tensor(PickleBytes.storage("1", count: 6), shape: [2], strides: [1]),
            PickleBytes.tensor(PickleBytes.storage("../../etc/passwd", count: 6), shape: [2], strides: [1]),
        ] {
            guard case .malformedTensor("weight", _)? = problem(archive(tensor)) else {
                Issue.record("not refused")
                continue
            }
        }
        let truth = PickleBytes.tensor(
            PickleBytes.storage("0", count: 6, type: "BoolStorage"), shape: [6], strides: [1])
        guard case .malformedTensor? = problem(archive(truth, [0, 1, 0, 1, 1, 0]), reading: "weight") else {
            Issue.record("booleans as numbers")
            return
        }
    }

    @Test func archivesAreWhatTorchWrites() throws {
        let pickle = PickleBytes.weights(Self.matrix)
        typealias Entry = ArchiveBytes.Entry
        func entries(_ change: (inout [Entry]) -> Void) -> [UInt8] {
            var entries = ArchiveBytes(pickle: pickle, storages: ["0": Self.six]).entries
            change(&entries)
            return ArchiveBytes(entries).bytes
        }
        let cases: [(String, [UInt8])] = [
            ("a folder up", entries { $0[1].name = "archive/../data/0" }),
            ("from the root", entries { $0[1].name = "/data/0" }),
            ("another folder", entries { $0[1].name = "other/data/0" }),
            ("no folder", entries { $0[1].name = "data" }),
            ("a backslash", entries { $0[1].name = "archive/data\\0" }),
            ("twice", entries { $0.append($0[1]) }),
            ("beyond the end", entries { $0[1].size = 1 << 20 }),
            ("far beyond the end", entries { $0[1].size = .max - 1 }),
            ("overlapping", entries { $0[1].offset = $0[0].offset ?? 0 }),
            ("in the middle of another", entries { $0[0].size = UInt32($0[0].bytes.count + 8) }),
            ("nowhere", entries { $0[1].offset = .max - 40 }),
            ("without a pickle", entries { $0.removeFirst() }),
            ("big-endian", entries { $0.append(Entry(name: "archive/byteorder", bytes: Array("big".utf8))) }),
            ("something appended", entries { _ in } + [0]),
            ("empty", [0x50, 0x4B, 3, 4]),
        ]
        for (name, bytes) in cases {
            guard case .malformedArchive? = problem(bytes) else {
                Issue.record("not refused: \(name)")
                continue
            }
        }
        guard case .compressed("archive/data/0")? = problem(entries { $0[1].method = 8 }) else {
            Issue.record("a compressed entry")
            return
        }
        #expect(problem(entries { $0[0].checksum = 1 }) == .damaged(entry: "data.pkl"))
        #expect(problem(entries { $0[1].checksum = 1 }, reading: "weight") == .damaged(entry: "data/0"))
        #expect(problem(Array("not a file of weights".utf8)) == .unknownFormat)
        #expect(problem([]) == .unknownFormat)
    }

    /// Every file that ends too early is told, wherever it ends.
    @Test(arguments: ["electra-base/generator", "bert"]) func truncatedFilesAreTold(_ name: String) throws {
        let bytes = try Array(Fixture.data("import/\(name)/pytorch_model.bin"))
        let lengths = Array(stride(from: 0, to: bytes.count, by: max(1, bytes.count / 150))) + [bytes.count - 1]
        for length in lengths { #expect(problem(Array(bytes[..<length])) != nil, "\(length) bytes") }
        #expect(problem(bytes + [0]) != nil)
    }

    /// Whatever is changed: numbers, or an error, and no crash.
    @Test(arguments: ["electra-base/generator", "bert"]) func changedFilesDoNoHarm(_ name: String) throws {
        let original = try Array(Fixture.data("import/\(name)/pytorch_model.bin"))
        var random = SplitMix64(seed: 5)
        // Most of the file is numbers; what is of interest is at the beginning and the end.
        let places = Array(0..<min(8192, original.count)) + Array(max(0, original.count - 8192)..<original.count)
        var refused = 0
        for _ in 0..<400 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[places.randomElement(using: &random)!] = UInt8.random(in: 0...255, using: &random)
            }
            do {
                let file = try open(bytes)
                for name in file.names { _ = try file.floats(of: name) }
            } catch is TorchFileError {
                refused += 1
            }
        }
        #expect(refused > 50)
    }
}
