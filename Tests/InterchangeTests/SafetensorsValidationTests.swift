import Files
import Foundation
import Interchange
import TestSupport
import Testing

/// Files that are not what the format says.
@Suite struct SafetensorsValidationTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func problem(_ data: Data) throws -> SafetensorsError.Problem? {
        try data.write(to: URL(fileURLWithPath: folder("file")))
        let error = #expect(throws: SafetensorsError.self) { try SafetensorsFile(path: folder("file")) }
        #expect(error?.path == folder("file"))
        #expect(error?.description.isEmpty == false)
        return error?.problem
    }

    private func opens(_ data: Data) throws -> SafetensorsFile {
        try data.write(to: URL(fileURLWithPath: folder("file")))
        return try SafetensorsFile(path: folder("file"))
    }

    @Test func lengthOfTheHeader() throws {
        #expect(try problem(Data()) == .noHeader(size: 0))
        #expect(try problem(Data([2, 0, 0, 0, 0, 0, 0])) == .noHeader(size: 7))
        #expect(try problem(safetensors("{}", length: 3)) == .headerLength(3, available: 2))
        #expect(try problem(safetensors("{}", length: .max)) == .headerLength(.max, available: 2))
        #expect(try problem(safetensors("{}", length: 1 << 63)) == .headerLength(1 << 63, available: 2))
        #expect(try problem(safetensors("", length: 0)) == .malformedHeader(at: 0, "it does not begin with a brace"))
    }

    @Test func aHeaderBeyondTheLimitIsNotRead() throws {
        let data = safetensors("{}", length: 100_000_001)
        try data.write(to: URL(fileURLWithPath: folder("file")))
        #expect(truncate(folder("file"), 200_000_000) == 0)
        let error = #expect(throws: SafetensorsError.self) { try SafetensorsFile(path: folder("file")) }
        #expect(error?.problem == .headerLength(100_000_001, available: 199_999_992))
    }

    @Test func emptyAndPaddedHeadersAreFine() throws {
        #expect(try opens(safetensors("{}")).names.isEmpty)
        #expect(try opens(safetensors("{}      ")).names.isEmpty)
        #expect(try opens(safetensors(#"{"__metadata__":{"a":"b"}}"#)).header.metadata == ["a": "b"])
        #expect(
            try opens(safetensors(#"{"__metadata__":{"\ud83d\udef6\u00e9\n":"\/"}}"#)).header.metadata == ["🛶é\n": "/"])
        let reordered =
            #"{"b":{"shape":[1],"dtype":"F32","data_offsets":[4,8]},"a":{"data_offsets":[0,4],"dtype":"F32","shape":[]}}"#
        #expect(try opens(safetensors(reordered, data: 8)).names == ["a", "b"])
    }

    @Test(arguments: [
        "x", " {}", "[]", "{", "{}}", "{} x", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":{},}"#, #"{a:1}"#,
        #"{'a':1}"#,
        #"{"a":tru}"#, #"{"a":01}"#, #"{"a":1.}"#, #"{"a":.5}"#, #"{"a":-}"#, #"{"a":1e}"#, #"{"a":+1}"#, #"{"a":NaN}"#,
        #"{"a"#, "{\"a\nb\":1}", #"{"\x":1}"#, #"{"\u12":1}"#, #"{"\ud800":1}"#, #"{"\udc00":1}"#,
        #"{"\ud800\u0041":1}"#, #"{"\ud800x":1}"#, #"{"a":[1,]}"#, #"{"a":[1 2]}"#, "{/**/}",
        String(repeating: #"{"a":"#, count: 100_000), #"{"a":"# + String(repeating: "[", count: 100_000),
    ])
    func headerThatIsNoJSON(_ header: String) throws {
        guard case .malformedHeader = try problem(safetensors(header)) else {
            Issue.record("not refused as malformed: \(header.prefix(40))")
            return
        }
    }

    @Test func headerThatIsNoUnicode() throws {
        var data = safetensors(#"{"?":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, data: 4)
        data[10] = 0xFF
        #expect(try problem(data) == .malformedHeader(at: 1, "a string that is not UTF-8"))
    }

    @Test func duplicateKeys() throws {
        let tensor = #"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#
        #expect(try problem(safetensors(#"{"a":\#(tensor),"a":\#(tensor)}"#, data: 4)) == .duplicateKey("a"))
        #expect(try problem(safetensors(#"{"a":\#(tensor),"\u0061":\#(tensor)}"#, data: 4)) == .duplicateKey("a"))
        let shapes = #"{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}"#
        #expect(try problem(safetensors(shapes, data: 4)) == .duplicateKey("shape"))
        #expect(try problem(safetensors(#"{"__metadata__":{"x":"1","x":"2"}}"#)) == .duplicateKey("x"))
        #expect(try problem(safetensors(#"{"__metadata__":{},"__metadata__":{}}"#)) == .duplicateKey("__metadata__"))
    }

    @Test(arguments: [
        #"1"#, #"null"#, #"[]"#, #"{}"#, #"{"dtype":"F32","shape":[1]}"#, #"{"dtype":"F32","data_offsets":[0,4]}"#,
        #"{"shape":[1],"data_offsets":[0,4]}"#, #"{"dtype":1,"shape":[1],"data_offsets":[0,4]}"#,
        #"{"dtype":"F32","shape":1,"data_offsets":[0,4]}"#, #"{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}"#,
        #"{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}"#, #"{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}"#,
        #"{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}"#, #"{"dtype":"F32","shape":[1],"data_offsets":[0]}"#,
        #"{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}"#, #"{"dtype":"F32","shape":[1],"data_offsets":[4,0]}"#,
        #"{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}"#,
        #"{"dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999]}"#,
        #"{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}"#,
    ])
    func malformedEntries(_ entry: String) throws {
        guard case .malformedEntry(tensor: "a", _) = try problem(safetensors(#"{"a":\#(entry)}"#, data: 4)) else {
            Issue.record("not refused: \(entry)")
            return
        }
    }

    @Test func metadataMustBeStrings() throws {
        for metadata in ["1", "[]", "null", #"{"a":1}"#, #"{"a":null}"#, #"{"a":{}}"#] {
            guard
                case .malformedEntry(tensor: "__metadata__", _) = try problem(
                    safetensors(#"{"__metadata__":\#(metadata)}"#))
            else {
                Issue.record("not refused: \(metadata)")
                continue
            }
        }
    }

    @Test func typesAndSizes() throws {
        func entry(_ type: String, _ shape: String, _ begin: Int, _ end: Int) -> String {
            #"{"a":{"dtype":"\#(type)","shape":[\#(shape)],"data_offsets":[\#(begin),\#(end)]}}"#
        }
        #expect(try problem(safetensors(entry("F33", "1", 0, 4), data: 4)) == .unknownElementType(tensor: "a", "F33"))
        for (shape, sizes) in [("3", [3]), ("2", [2]), ("0", [0])] {
            #expect(
                try problem(safetensors(entry("F32", shape, 0, 4), data: 4))
                    == .wrongSize(tensor: "a", shape: sizes, type: .float32, bytes: 4))
        }
        // Products that come out right only modulo 2^64, and one that a dimension of 0 would hide.
        let big = 1 << 32
        for shape in [[big, big], [1 << 62, 4, 1], [Int.max, Int.max], [Int.max, 4], [big, big, 0]] {
            let text = shape.map(String.init).joined(separator: ",")
            #expect(
                try problem(safetensors(entry("F32", text, 0, 0)))
                    == .wrongSize(tensor: "a", shape: shape, type: .float32, bytes: 0))
        }
    }

    @Test func placesOfTensors() throws {
        func header(_ places: [(String, Int, Int)]) -> String {
            let entries = places.map {
                #""\#($0)":{"dtype":"U8","shape":[\#($2 - $1)],"data_offsets":[\#($1),\#($2)]}"#
            }
            return "{" + entries.joined(separator: ",") + "}"
        }
        #expect(
            try problem(safetensors(header([("a", 1, 4)]), data: 4))
                == .holeOrOverlap(tensor: "a", begin: 1, expected: 0))
        #expect(
            try problem(safetensors(header([("a", 0, 4), ("b", 5, 8)]), data: 8))
                == .holeOrOverlap(tensor: "b", begin: 5, expected: 4))
        #expect(
            try problem(safetensors(header([("a", 0, 4), ("b", 2, 8)]), data: 8))
                == .holeOrOverlap(tensor: "b", begin: 2, expected: 4))
        #expect(
            try problem(safetensors(header([("a", 0, 4), ("b", 0, 4)]), data: 4))
                == .holeOrOverlap(tensor: "b", begin: 0, expected: 4))
        #expect(try problem(safetensors(header([("a", 0, 4)]), data: 3)) == .dataLength(expected: 4, found: 3))
        #expect(try problem(safetensors(header([("a", 0, 4)]), data: 5)) == .dataLength(expected: 4, found: 5))
        #expect(try problem(safetensors("{}", data: 1)) == .dataLength(expected: 0, found: 1))
        #expect(try opens(safetensors(header([("a", 0, 4), ("b", 4, 4), ("c", 4, 8)]), data: 8)).names.count == 3)
    }

    @Test func thingsThatAreNoFiles() throws {
        #expect(throws: FileFailure("open", folder("nothing"), code: ENOENT)) {
            try SafetensorsFile(path: folder("nothing"))
        }
        #expect(throws: FileFailure("read", folder.path, code: EISDIR)) { try SafetensorsFile(path: folder.path) }
        #expect(mkfifo(folder("pipe"), 0o600) == 0)
        #expect(throws: FileFailure("read", folder("pipe"), code: EINVAL)) { try SafetensorsFile(path: folder("pipe")) }
    }

    /// Whatever the bytes are: an error or a file whose tensors can be read, and never a crash.
    @Test func damagedFilesNeverCrash() throws {
        // In memory where the system has such a folder: rewriting a file thousands of times makes a disk very busy.
        let memory = FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : folder.path
        let path = memory + "/interchange-tests-\(UUID().uuidString)"
        defer { unlink(path) }
        let url = URL(fileURLWithPath: path)
        var random = SplitMix64(seed: 7)
        var opened = 0
        for name in ["types.safetensors", "bfloat16.safetensors"] {
            let original = try Fixture.data(name)
            for length in 0..<original.count {
                try original.prefix(length).write(to: url)
                #expect(throws: SafetensorsError.self, "cut to \(length)") { try SafetensorsFile(path: path) }
            }
            for _ in 0..<2000 {
                var damaged = original
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(
                        in: 0...255, using: &random)
                }
                try damaged.write(to: url)
                guard let file = try? SafetensorsFile(path: path) else { continue }
                opened += 1
                for name in file.names {
                    let entry = try #require(file.entry(name))
                    #expect(try file.bytes(of: name).count == entry.bytes.count)
                    let floats = try? file.floats(of: name)
                    #expect(floats == nil || floats?.count == entry.count)
                    _ = try? file.integers(of: name)
                    _ = try? file.doubles(of: name)
                }
            }
        }
        #expect(opened > 100 && opened < 3900)
    }
}
