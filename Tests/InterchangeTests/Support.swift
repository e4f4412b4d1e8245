import Foundation
import Interchange
import Testing

/// A folder that is removed with the value.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/interchange-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func callAsFunction(_ name: String) -> String { path + "/" + name }

    /// Names in the folder, hidden ones included.
    var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
    }
}

enum Fixture {
    static func path(_ name: String) throws -> String {
        try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/\(name)").path
    }

    static func data(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path(name))) }

    /// The weights of the tiny models in `electra/`, under the engine's names.
    static func engine() throws -> TensorDictionary {
        try TensorDictionary(copying: SafetensorsFile(path: path("engine.safetensors")))
    }

    static let shape = ElectraShape(
        vocabularySize: 280, embeddingSize: 4, positionCount: 12,
        discriminator: .init(hiddenSize: 4, feedForwardSize: 8, headCount: 2, layerCount: 2),
        generator: .init(hiddenSize: 6, feedForwardSize: 8, headCount: 2, layerCount: 2))
}

/// SplitMix64, for tests that must do the same at every run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A safetensors file with a header as it is given.
func safetensors(_ header: String, data: Int = 0, length: UInt64? = nil) -> Data {
    let text = Data(header.utf8)
    let prefix = withUnsafeBytes(of: (length ?? UInt64(text.count)).littleEndian) { Data($0) }
    return prefix + text + Data(repeating: 1, count: data)
}
