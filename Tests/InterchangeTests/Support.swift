import Encoder
import Foundation
import Interchange
import Testing

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

/// A safetensors file with a header as it is given.
func safetensors(_ header: String, data: Int = 0, length: UInt64? = nil) -> Data {
    let text = Data(header.utf8)
    let prefix = withUnsafeBytes(of: (length ?? UInt64(text.count)).littleEndian) { Data($0) }
    return prefix + text + Data(repeating: 1, count: data)
}

extension ImportedModel {
    /// The networks that an export has written into a folder.
    init(exported folder: String) throws {
        try self.init(
            main: ImportedNetwork(folder + "/discriminator", as: .discriminator),
            generator: ImportedNetwork(folder + "/generator", as: .generator))
    }
}
