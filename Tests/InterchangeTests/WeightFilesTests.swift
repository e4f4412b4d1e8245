import Foundation
import Interchange
import TestSupport
import Testing

/// Weights that are divided into files, and lists of them that lie.
@Suite struct WeightFilesTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for (name, tensors) in [("a", ["one", "two"]), ("b", ["three"])] {
            let writer = try SafetensorsWriter(
                path: folder("\(name).safetensors"), tensors: tensors.map { ($0, .float32, [2]) })
            for index in tensors.indices { try writer.append([Float(index), Float(tensors.count)]) }
            try writer.finish()
        }
    }

    private func index(_ map: [String: String]) throws {
        let data = try JSONSerialization.data(withJSONObject: ["metadata": ["total_size": 24], "weight_map": map])
        try folder.write(data, to: "model.safetensors.index.json")
    }

    private func failure() -> ImportError? {
        let error = #expect(throws: ImportError.self) { try WeightFiles(folder: folder.path) }
        #expect(error?.description.isEmpty == false)
        return error
    }

    @Test func filesAreReadAsOne() throws {
        try index(["one": "a.safetensors", "two": "a.safetensors", "three": "b.safetensors"])
        let files = try WeightFiles(folder: folder.path)
        #expect(Set(files.names) == ["one", "two", "three"])
        #expect(try files.floats(of: "two") == [1, 2] && files.floats(of: "three") == [0, 1])
        #expect(files.path(of: "three") == folder("b.safetensors") && files.type(of: "three") == .float32)
        #expect(throws: ImportError.self) { try files.floats(of: "four") }
    }

    @Test(arguments: [
        "../a.safetensors", "/etc/passwd", "sub/a.safetensors", "", ".safetensors", "a.safetensors\0",
        "a\\b.safetensors",
        "config.json",
    ])
    func namesStayInTheFolder(_ name: String) throws {
        try index(["one": name])
        guard case .malformedIndex = failure() else {
            Issue.record("read: \(name)")
            return
        }
    }

    @Test func filesHoldWhatTheListSays() throws {
        for map in [
            ["one": "a.safetensors", "three": "b.safetensors"],
            ["one": "a.safetensors", "two": "a.safetensors", "three": "b.safetensors", "four": "b.safetensors"],
            ["one": "a.safetensors", "two": "b.safetensors", "three": "b.safetensors"], [:],
        ] {
            try index(map)
            guard case .malformedIndex = failure() else {
                Issue.record("read: \(map)")
                continue
            }
        }
        try index(["one": "c.safetensors"])
        #expect(throws: (any Error).self) { try WeightFiles(folder: folder.path) }
        for text in [
            "[]", "{}", #"{"weight_map": {"one": 1}}"#,
            #"{"weight_map": {"one": "a.safetensors", "one": "b.safetensors"}}"#,
        ] {
            try folder.write(text, to: "model.safetensors.index.json")
            #expect(failure() != nil)
        }
    }
}
