import Foundation
import Interchange
import Testing

/// What a script under Tools has written.
func fixture<Content: Decodable>(_ name: String, _ type: Content.Type) throws -> Content {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: "json"))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(contentsOf: url))
}

/// The same, of tensors.
func tensorFixture(_ name: String) throws -> SafetensorsFile {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: "safetensors"))
    return try SafetensorsFile(path: url.path)
}
