import Foundation
import Pretraining
import Testing
import Tokenization

@Suite("Pretraining: tables for a new vocabulary") struct VocabularyTransferTests {
    private static let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

    private func byteLevel() throws -> Tokenizer {
        let trainer = try BPETrainer(vocabularySize: 330, minimumFrequency: 1)
        let text = "the miller mills the flour, the water turns the wheel and the miller sleeps"
        for _ in 0..<30 { trainer.feed(Array(text.utf8)) }
        return trainer.train()
    }

    private func wordPiece(_ tokens: [String], names: [String] = special) throws -> Tokenizer {
        var vocabulary: [String: Int] = [:]
        for (id, token) in (names + tokens).enumerated() { vocabulary[token] = id }
        let added: [[String: Any]] = names.enumerated().map {
            ["id": $0, "content": $1, "special": true, "normalized": false]
        }
        let json: [String: Any] = [
            "added_tokens": added, "normalizer": ["type": "BertNormalizer"],
            "pre_tokenizer": ["type": "BertPreTokenizer"],
            "model": ["type": "WordPiece", "vocab": vocabulary, "unk_token": names[1]],
        ]
        return try Tokenizer(json: Array(JSONSerialization.data(withJSONObject: json)))
    }

    @Test("Tokens of both keep their row, special ones by role, others get the mean of their pieces")
    func rows() throws {
        let old = try byteLevel()
        // RoBERTa's names and order.
        let names = ["<pad>", "<unk>", "<s>", "</s>", "<mask>"]
        let new = try wordPiece(["the", "miller", "##s", "watermill", ",", "zq", "é"], names: names)
        let transfer = try VocabularyTransfer(from: old, to: new)
        func sources(_ token: String) throws -> [Int32] { transfer.sources[Int(try #require(new.id(of: token)))] }
        #expect(try names.map(sources) == (0..<5).map { [Int32($0)] })
        #expect(try sources("the") == [#require(old.id(of: "Ġthe"))])
        #expect(try sources("##s") == [#require(old.id(of: "s"))])
        #expect(try sources(",") == [#require(old.id(of: ","))])
        #expect(try sources("watermill") == old.encode(" watermill"))
        #expect(try sources("zq") == old.encode(" zq"))
        #expect(transfer.special == 5 && transfer.unknown == 0)
        #expect(transfer.copied + transfer.averaged == 7 && transfer.averaged >= 3)

        let width = 3
        let table = (0..<(old.vocabularySize * width)).map { Float($0 % 97) }
        var made = [Float](repeating: .nan, count: new.vocabularySize * width)
        made.withUnsafeMutableBufferPointer { target in
            table.withUnsafeBufferPointer { transfer.fill(target.baseAddress!, from: $0.baseAddress!, width: width) }
        }
        for (row, ids) in transfer.sources.enumerated() {
            for column in 0..<width {
                let mean = ids.map { Double(table[Int($0) * width + column]) }.reduce(0, +) / Double(ids.count)
                #expect(abs(Double(made[row * width + column]) - mean) < 1e-5)
            }
        }
    }

    @Test("A vocabulary is its own source")
    func same() throws {
        let old = try byteLevel()
        let transfer = try VocabularyTransfer(from: old, to: old)
        #expect(transfer.averaged == 0 && transfer.unknown == 0 && transfer.left <= 2)
        let pieces = try wordPiece(["the", "##the", "a", "##a"])
        #expect(try VocabularyTransfer(from: pieces, to: pieces).sources == (0..<9).map { [Int32($0)] })
    }

    @Test("What the old tokenizer makes nothing of gets the mean of all rows")
    func nothing() throws {
        let old = try wordPiece(["the", "##the", "a", "##a"])
        let transfer = try VocabularyTransfer(from: old, to: try wordPiece(["the", "zz", "athe", "##athe", "A"]))
        #expect(transfer.sources[5...] == [[5], [], [7, 6], [8, 6], [7]])
        #expect(transfer.unknown == 1)
        var made = [Float](repeating: .nan, count: 10)
        let table: [Float] = [1, 2, 3, 4, 5, 6, 7, 8, 9]
        made.withUnsafeMutableBufferPointer { target in
            table.withUnsafeBufferPointer { transfer.fill(target.baseAddress!, from: $0.baseAddress!, width: 1) }
        }
        #expect(made == [1, 2, 3, 4, 5, 6, 5, 7.5, 8, 8])
    }

    @Test("Tables and output biases are of the vocabulary, other tensors not")
    func names() throws {
        let old = try wordPiece(["the", "a"])
        let transfer = try VocabularyTransfer(from: old, to: old)
        let tables = [
            "embeddings.word", "generator.embeddings.word", "embeddings.word_difference", "head.bias",
            "generator.head.output.weight", "corrective.bias",
        ]
        #expect(tables.allSatisfy { transfer.isOfVocabulary($0, shape: [7, 4]) })
        #expect(!tables.contains { transfer.isOfVocabulary($0, shape: [1, 7]) })
        let others = [
            "embeddings.position", "head.dense.bias", "head.output.bias", "generator.layers.0.attention.query.weight",
        ]
        #expect(!others.contains { transfer.isOfVocabulary($0, shape: [7, 7]) })
    }
}
