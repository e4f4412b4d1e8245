import Files
import Foundation
import Interchange
import TestSupport
import Testing

@Suite struct SafetensorsWritingTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func whatIsWrittenIsRead() throws {
        let values: [Float] = [1.5, -0.0, .infinity, .leastNonzeroMagnitude, .pi, 7]
        let path = folder("file.safetensors")
        let writer = try SafetensorsWriter(
            path: path,
            tensors: [
                ("z \"quoted\"\u{1}\\é🛶", .float32, [2, 3]), ("ids", .signed32, [3]), ("none", .float32, [0, 5]),
            ],
            metadata: ["format": "pt", "a": "line\nbreak"])
        try writer.append(values)
        #expect(folder.names().count == 1, "nothing under the final name yet")
        #expect(!FileManager.default.fileExists(atPath: path))
        try writer.append([Int32.min, 0, .max])
        try writer.append([Float]())
        try writer.finish()
        #expect(folder.names() == ["file.safetensors"])

        let file = try SafetensorsFile(path: path)
        #expect(file.header == writer.header)
        #expect(file.header.metadata == ["format": "pt", "a": "line\nbreak"])
        #expect(file.names.first == "z \"quoted\"\u{1}\\é🛶")
        #expect(try file.floats(of: file.names[0]).map(\.bitPattern) == values.map(\.bitPattern))
        #expect(try file.integers(of: "ids", as: Int32.self) == [.min, 0, .max])
        #expect(file.shape(of: "none") == [0, 5])
    }

    @Test func theHeaderIsPaddedAndInTheGivenOrder() throws {
        let writer = try SafetensorsWriter(path: folder("file"), tensors: [("b", .float32, [1]), ("a", .float32, [])])
        try writer.append([Float(1)])
        try writer.append([Float(2)])
        try writer.finish()
        let data = try Data(contentsOf: URL(fileURLWithPath: folder("file")))
        let text =
            #"{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
            + #""a":{"dtype":"F32","shape":[],"data_offsets":[4,8]}}"#
        let padded = text + String(repeating: " ", count: (8 - text.utf8.count % 8) % 8)
        #expect(data.count == 8 + padded.utf8.count + 8)
        #expect(data.prefix(8) == withUnsafeBytes(of: UInt64(padded.utf8.count).littleEndian) { Data($0) })
        #expect(String(decoding: data.dropFirst(8).dropLast(8), as: UTF8.self) == padded)
        #expect(Array(data.suffix(8)) == [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40])
    }

    @Test func anUnfinishedFileLeavesTheOldOne() throws {
        try Data("old".utf8).write(to: URL(fileURLWithPath: folder("file")))
        var writer: SafetensorsWriter? = try SafetensorsWriter(path: folder("file"), tensors: [("a", .float32, [1])])
        let error = #expect(throws: SafetensorsError.self) { try writer?.finish() }
        #expect(error?.problem == .misuse("tensor \"a\" was declared and not appended"))
        writer = nil
        #expect(folder.names() == ["file"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder("file"))) == Data("old".utf8))
    }

    @Test func misuseIsAnError() throws {
        func problem(_ body: () throws -> Void) -> SafetensorsError.Problem? {
            #expect(throws: SafetensorsError.self) { try body() }?.problem
        }
        func create(_ tensors: [(name: String, type: ElementType, shape: [Int])]) throws -> SafetensorsWriter {
            try SafetensorsWriter(path: folder("file"), tensors: tensors)
        }
        #expect(problem { _ = try create([("a", .float32, [1]), ("a", .float32, [1])]) } == .duplicateKey("a"))
        #expect(
            problem { _ = try create([("a", .float32, [Int.max, 2])]) }
                == .wrongSize(tensor: "a", shape: [Int.max, 2], type: .float32, bytes: .max))
        #expect(
            problem { _ = try create([("a", .float32, [-1])]) }
                == .wrongSize(tensor: "a", shape: [-1], type: .float32, bytes: .max))
        let halves = [("a", ElementType.unsigned8, [Int.max]), ("b", .unsigned8, [Int.max])]
        #expect(
            problem { _ = try create(halves.map { (name: $0, type: $1, shape: $2) }) }
                == .wrongSize(tensor: "b", shape: [Int.max], type: .unsigned8, bytes: .max))
        let writer = try create([("a", .float32, [2])])
        #expect(
            problem { try writer.append([Float(1)]) }
                == .wrongSize(tensor: "a", shape: [2], type: .float32, bytes: 4))
        #expect(
            problem { try writer.append([Int32(1), 2]) }
                == .unsuitableType(tensor: "a", type: .float32, wanted: "I32"))
        try writer.append([Float(1), 2])
        #expect(problem { try writer.append([Float(1)]) } == .misuse("a tensor more was appended than declared"))
        try writer.finish()
        #expect(problem { try writer.finish() } == .misuse("the file was finished twice"))
        #expect(try SafetensorsFile(path: folder("file")).floats(of: "a") == [1, 2])
    }

    @Test func aMissingFolderIsAnError() throws {
        let error = #expect(throws: FileFailure.self) {
            try SafetensorsWriter(path: folder("none/file"), tensors: [])
        }
        #expect(error?.code == ENOENT)
    }
}
