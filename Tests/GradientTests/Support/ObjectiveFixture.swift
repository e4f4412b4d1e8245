import Foundation

/// A model, a batch and what other software computed from them in double precision: see
/// `Tools/make_gradient_fixtures.py`.
struct ObjectiveFixture: Decodable {
    struct Batch: Decodable {
        var maskedTokens: [Int]
        var positions: [Int]
        var targets: [Int]
        var replacements: [Int]
        var segmentOffsets: [Int]
    }

    struct Tensor: Decodable {
        var name: String
        var shape: [Int]
        var values: [Double]
        var gradient: [Double]
    }

    var name: String
    var batch: Batch
    /// Hidden and feed-forward size of each network.
    var sizes: [String: [Int]]
    var parameters: [Tensor]
    var generatorHidden: [Double]
    var generatorLogits: [Double]
    var discriminatorHidden: [Double]
    var discriminatorLogits: [Double]
    /// Generator, discriminator, total.
    var losses: [Double]

    static func load(_ name: String) throws -> ObjectiveFixture {
        let file = Bundle.module.bundleURL.appendingPathComponent("Fixtures/objectives.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let fixtures = try decoder.decode([ObjectiveFixture].self, from: Data(contentsOf: file))
        guard let fixture = fixtures.first(where: { $0.name == name }) else { throw CocoaError(.fileReadCorruptFile) }
        return fixture
    }
}
