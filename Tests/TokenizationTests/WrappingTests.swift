import Foundation
import Testing
import Tokenization

/// The exported tokenizer.json wraps text as training does.
@Suite struct WrappingTests {
    private func tokenizer() throws -> Tokenizer {
        let trainer = try BPETrainer(vocabularySize: 300, minimumFrequency: 1)
        trainer.feed(Array("the cat sat on the mat, the cat ran".utf8))
        return trainer.train()
    }

    /// The same tokenizer with another post-processor.
    private func changed(_ postProcessor: Any?) throws -> Tokenizer {
        let json = Data(try tokenizer().serialized())
        var object = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        object["post_processor"] = postProcessor
        return try Tokenizer(json: Array(JSONSerialization.data(withJSONObject: object)))
    }

    @Test func oneThatDoesSoAlreadyStaysAsItIs() throws {
        let tokenizer = try tokenizer()
        #expect(try tokenizer.serialized(wrapping: tokenizer.specialTokens) == tokenizer.serialized())
    }

    @Test("Others get the template", arguments: ["null", "missing", "byte level", "only the end"])
    func others(_ kind: String) throws {
        let postProcessor: Any? =
            switch kind {
            case "null": NSNull()
            case "byte level":
                ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true]
            case "only the end":
                [
                    "type": "TemplateProcessing",
                    "single": [
                        ["Sequence": ["id": "A", "type_id": 0]], ["SpecialToken": ["id": "[SEP]", "type_id": 0]],
                    ],
                    "pair": [],
                    "special_tokens": ["[SEP]": ["id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]]],
                ]
            default: nil
            }
        let changed = try changed(postProcessor)
        #expect(changed.addingSpecialTokens([69]) != [2, 69, 3])
        let exported = try Tokenizer(json: changed.serialized(wrapping: changed.specialTokens))
        #expect(exported.addingSpecialTokens([69]) == [2, 69, 3])
        #expect(exported.encode("the cat sat") == changed.encode("the cat sat"))
        #expect(try pairTypes(exported) == [0, 0, 0, 1, 1])
    }

    /// Of the pieces of a pair, for whoever fine-tunes on pairs.
    private func pairTypes(_ tokenizer: Tokenizer) throws -> [Int?] {
        let object = try JSONSerialization.jsonObject(with: Data(tokenizer.serialized())) as? [String: Any]
        let pair = try #require((object?["post_processor"] as? [String: Any])?["pair"] as? [[String: [String: Any]]])
        return pair.map { $0.values.first?["type_id"] as? Int }
    }

    @Test("RoBERTa's pairs have another form, and get the template; BERT's have it")
    func pairs() throws {
        let ends: [String: Any] = ["sep": ["[SEP]", 3] as [Any], "cls": ["[CLS]", 2] as [Any]]
        let roberta = try changed(
            ends.merging(["type": "RobertaProcessing", "trim_offsets": true, "add_prefix_space": false]) { $1 })
        #expect(roberta.addingSpecialTokens([69]) == [2, 69, 3])
        let exported = try Tokenizer(json: roberta.serialized(wrapping: roberta.specialTokens))
        #expect(exported.addingSpecialTokens([69]) == [2, 69, 3])
        #expect(try pairTypes(exported) == [0, 0, 0, 1, 1])
        let bert = try changed(ends.merging(["type": "BertProcessing"]) { $1 })
        #expect(try bert.serialized(wrapping: bert.specialTokens) == bert.serialized())
    }
}
