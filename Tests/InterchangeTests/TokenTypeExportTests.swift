import Encoder
import Engine
import Foundation
import Interchange
import Kernels
import Pretraining
import TestSupport
import Testing
import Tokenization

/// What an export says and does about token type 1.
@Suite final class TokenTypeExportTests {
    private let folder: TemporaryFolder
    private let tokenizer: Tokenizer
    private let pool = ThreadPool(threadCount: 1)

    deinit { pool.shutDown() }

    init() throws {
        folder = try TemporaryFolder()
        tokenizer = try Tokenizer(json: Array(Fixture.data("tokenizer.json")))
    }

    @Test(
        "Type 1 is a copy of type 0 unless it was trained, and the model card says which",
        arguments: [(true, true), (true, false), (false, true), (false, false)], EmbeddingSharing.allCases)
    func types(_ form: (hasCode: Bool, areTrained: Bool), sharing: EmbeddingSharing) throws {
        let (hasCode, areTrained) = form
        let engine = try ExportedModel.engine(tokenizer, pool) {
            $0.model.layerCount = 1
            $0.model.embeddingSharing = sharing
        }
        try HuggingFaceExport.write(
            engine, tokenizer: tokenizer, to: folder("out"), form: hasCode ? .customCode : .electra, force: false,
            trainsTokenTypes: areTrained)
        for network in ["discriminator", "generator"] {
            let file = try SafetensorsFile(path: folder("out/\(network)/model.safetensors"))
            let name = try #require(file.names.first { $0.contains("token_type") })
            let table = try file.floats(of: name)
            #expect((table[..<8] == table[8...]) == !areTrained)
            #expect(table[..<8].contains { $0 != 0 })
            let card = String(decoding: try folder.data("out/\(network)/README.md"), as: UTF8.self)
            #expect(card.contains("copy of that of type 0") == !areTrained)
            #expect(card.contains("trust_remote_code=True") == hasCode)
        }
        // The engine's own weights stay as they are.
        let place = try #require(engine.state.layout.embedding("token_type", of: .discriminator))
        let rows = (0..<16).map { engine.state.weights.base[place.offset + $0] }
        #expect(rows[..<8] != rows[8...])
    }
}
