import Foundation
import Interchange
import TestSupport
import Testing

/// Files that Python's `safetensors` library wrote.
@Suite struct SafetensorsReadingTests {
    let file: SafetensorsFile

    init() throws { file = try SafetensorsFile(path: Fixture.path("types.safetensors")) }

    @Test func headerListsTypesShapesAndMetadata() throws {
        #expect(file.header.metadata == ["note": "quotes \" and \\ and\nlines"])
        #expect(file.names.count == 15)
        #expect(file.entry("int32")?.type == .signed32)
        #expect(file.shape(of: "int32") == [2, 1])
        #expect(file.shape(of: "empty") == [3, 0, 2])
        #expect(file.shape(of: "scalar") == [])
        #expect(file.shape(of: "nothing") == nil)
        #expect(try file.floats(of: "awkward \"name\" \\ with\ttabs, ümlauts and 🛶") == [1])
    }

    @Test func floatingPointTypes() throws {
        #expect(try file.doubles(of: "float64") == [0, -1.5, 1e300, .pi])
        #expect(try file.floats(of: "float32") == [0, -0.0, .leastNonzeroMagnitude, 3.4e38, -1.25])
        #expect(try file.floats(of: "float32")[1].sign == .minus)
        let half = try file.floats(of: "float16")
        #expect(half == [0, -0.0, 0x1p-24, 0x1.ff8p-15, 1, -2.5, 65504, .infinity, 0.0999755859375])
        #expect(half[1].sign == .minus)
        let brain = try SafetensorsFile(path: Fixture.path("bfloat16.safetensors"))
        #expect(try brain.floats(of: "bfloat16") == [1, -2.5, 3.140625, Float(bitPattern: 0x7E96_0000), 0])
        #expect(try file.floats(of: "scalar") == [42.5])
        #expect(try file.floats(of: "empty") == [])
    }

    @Test func everyHalfPrecisionNumberHasItsValue() throws {
        let folder = try TemporaryFolder()
        let patterns = (0...UInt16.max).map { $0 }
        let writer = try SafetensorsWriter(path: folder("halves"), tensors: [("x", .float16, [65536])])
        try patterns.withUnsafeBytes { try writer.append($0) }
        try writer.finish()
        let values = try SafetensorsFile(path: folder("halves")).floats(of: "x")
        for (pattern, value) in zip(patterns, values) {
            // By definition: (-1)^s × 2^(e-15) × 1.f, subnormals 2^-14 × 0.f.
            let (exponent, fraction) = (Int(pattern >> 10 & 31), Double(pattern & 1023))
            var expected: Double
            switch exponent {
            case 31: expected = fraction == 0 ? .infinity : .nan
            case 0: expected = fraction / 1024 * pow(2, -14)
            default: expected = (1 + fraction / 1024) * pow(2, Double(exponent - 15))
            }
            if pattern >> 15 == 1 { expected = -expected }
            if expected.isNaN {
                #expect(value.isNaN)
            } else {
                try #require(Double(value) == expected, "pattern \(pattern)")
            }
        }
    }

    @Test func integerTypes() throws {
        #expect(try file.integers(of: "int8") == [-128, 127])
        #expect(try file.integers(of: "int16") == [-32768, 32767])
        #expect(try file.integers(of: "int32", as: Int32.self) == [.min, .max])
        #expect(try file.integers(of: "int64", as: Int64.self) == [.min, .max, 7])
        #expect(try file.integers(of: "uint8") == [0, 255])
        #expect(try file.integers(of: "uint16") == [65535])
        #expect(try file.integers(of: "uint32") == [4_294_967_295])
        #expect(try file.integers(of: "uint64", as: UInt64.self) == [.max])
        #expect(try file.integers(of: "bool") == [1, 0, 1])
        #expect(try file.floats(of: "int16") == [-32768, 32767])
        #expect(try file.doubles(of: "int32") == [-2_147_483_648, 2_147_483_647])
    }

    @Test func whatDoesNotFitIsAnError() throws {
        func problem(_ body: () throws -> Void) -> SafetensorsError.Problem? {
            #expect(throws: SafetensorsError.self) { try body() }?.problem
        }
        #expect(
            problem { _ = try file.floats(of: "float64") }
                == .valueOutOfRange(tensor: "float64", index: 2, wanted: "Float"))
        #expect(
            problem { _ = try file.integers(of: "uint64") }
                == .valueOutOfRange(tensor: "uint64", index: 0, wanted: "Int"))
        #expect(
            problem { _ = try file.integers(of: "int64", as: Int32.self) }
                == .valueOutOfRange(tensor: "int64", index: 0, wanted: "Int32"))
        #expect(
            problem { _ = try file.integers(of: "float32") }
                == .unsuitableType(tensor: "float32", type: .float32, wanted: "Int"))
        #expect(
            problem { _ = try file.floats(of: "bool") }
                == .unsuitableType(tensor: "bool", type: .bool, wanted: "Float"))
        #expect(problem { _ = try file.bytes(of: "nothing") } == .missingTensor("nothing"))
        let room = UnsafeMutableBufferPointer<Float>.allocate(capacity: 4)
        defer { room.deallocate() }
        #expect(
            problem { try file.read("float32", into: room) }
                == .wrongCount(tensor: "float32", expected: 5, found: 4))
    }

    @Test func readsIntoGivenMemory() throws {
        let room = UnsafeMutableBufferPointer<Float>.allocate(capacity: 2)
        defer { room.deallocate() }
        try file.read("int8", into: room)
        #expect(Array(room) == [-128, 127])
    }

    @Test func aFileThatShrinksIsAnError() throws {
        let folder = try TemporaryFolder()
        let writer = try SafetensorsWriter(path: folder("file"), tensors: [("x", .float32, [4])])
        try writer.append([Float(1), 2, 3, 4])
        try writer.finish()
        let file = try SafetensorsFile(path: folder("file"))
        #expect(truncate(folder("file"), 80) == 0)
        let error = #expect(throws: SafetensorsError.self) { try file.floats(of: "x") }
        #expect(error?.problem == .truncatedWhileReading(tensor: "x"))
    }
}
