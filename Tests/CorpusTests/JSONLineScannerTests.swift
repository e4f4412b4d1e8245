import Corpus
import Foundation
import TestSupport
import Testing

@Suite struct JSONLineScannerTests {
    private func text(_ line: String, field: String = "text") -> String? {
        Array(line.utf8).withUnsafeBytes { bytes in
            guard case .found(let range, _) = JSONLineScanner.scan(bytes, field: Array(field.utf8)) else { return nil }
            var decoded: [UInt8] = []
            _ = JSONEscapes.append(UnsafeRawBufferPointer(rebasing: bytes[range]), to: &decoded)
            return String(decoding: decoded, as: UTF8.self)
        }
    }

    private func isMalformed(_ line: String) -> Bool {
        Array(line.utf8).withUnsafeBytes {
            if case .malformed = JSONLineScanner.scan($0, field: Array("text".utf8)) { true } else { false }
        }
    }

    @Test func agreesWithFoundationOnRandomObjects() throws {
        var generator = SplitMix64(seed: 7)
        func value(_ depth: Int) -> Any {
            switch Int.random(in: 0..<(depth > 3 ? 5 : 7), using: &generator) {
            case 0: return NSNull()
            case 1: return Bool.random(using: &generator)
            case 2: return Double.random(in: -1e20...1e20, using: &generator)
            case 3: return Int.random(in: -1000...1000, using: &generator)
            case 4:
                return String(
                    (0..<Int.random(in: 0...30, using: &generator)).map { _ in
                        generator.pick(Array("ab\"\\/\u{8}\u{c}\n\r\t\u{1}é漢🙂{}[],: "))
                    })
            case 5: return (0..<Int.random(in: 0...3, using: &generator)).map { _ in value(depth + 1) }
            default: return object(depth + 1)
            }
        }
        func object(_ depth: Int) -> [String: Any] {
            var object: [String: Any] = [:]
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                object[generator.pick(["text", "tex", "a\"b", "te\\xt", "é", ""])] = value(depth)
            }
            return object
        }
        var found = 0
        for _ in 0..<2000 {
            let object = object(0)
            let options: JSONSerialization.WritingOptions = Bool.random(using: &generator) ? .prettyPrinted : []
            let line = String(
                decoding: try JSONSerialization.data(withJSONObject: object, options: options), as: UTF8.self)
            #expect(text(line) == object["text"] as? String, "\(line)")
            #expect(!isMalformed(line), "\(line)")
            if text(line) != nil { found += 1 }
            // Cut off anywhere, it is no document.
            let cut = line.utf8.dropLast(Int.random(in: 1...line.utf8.count, using: &generator))
            #expect(isMalformed(String(decoding: cut, as: UTF8.self)), "\(cut)")
        }
        #expect(found > 50)
    }

    @Test(arguments: [
        "", "[]", "\"text\"", "null", "{", "{}x", "{} {}", "{\"text\"}", "{\"text\": }", "{\"text\": \"a\",}",
        "{\"text\": \"a\" \"b\": 1}", "{\"text\": 'a'}", "{text: \"a\"}", "{\"a\": 01, \"text\": \"b\"}", "{\"a\": 1.}",
        "{\"a\": .5}", "{\"a\": 1e}", "{\"a\": +1}", "{\"a\": -}", "{\"a\": tru}", "{\"text\": \"\\x\"}",
        "{\"text\": \"\\u12\"}", "{\"text\": \"\\u12G4\"}", "{\"text\": \"a\u{1}b\"}", "{\"text\": \"a\nb\"}",
        "{\"a\": [1,]}", "{\"a\": [1 2]}", "{\"a\": {\"b\"}}", "{\"a\": ]}",
        "{\"a\": " + String(repeating: "[", count: 100_000),
    ])
    func malformedLines(line: String) {
        #expect(isMalformed(line))
    }

    @Test func wellFormedLines() {
        #expect(text("  { \"text\" : \"a\" }\r\n") == "a")
        #expect(text("{\"te\\u0078t\": \"escaped key\"}") == "escaped key")
        #expect(text("{\"text\": \"first\", \"text\": \"last\"}") == "last")
        #expect(text("{\"x\": NaN, \"y\": -Infinity, \"text\": \"a\"}") == "a")
        #expect(text("{\"text\": \"\\ud83d\\ude42 \\u00e9 \\/ \\b\"}") == "🙂 é / \u{8}")
        #expect(text("{\"text\": \"\\ud83d and \\ude42\"}") == "\u{FFFD} and \u{FFFD}")
        #expect(text("{\"text\": \"\\ud83d\\u0041\"}") == "\u{FFFD}A")
        #expect(text("{\"content\": \"other\"}", field: "content") == "other")
        #expect(text("{\"text\": 1}") == nil)
        #expect(text("{\"texts\": \"a\"}") == nil)
        #expect(!isMalformed("{\"text\": 1}"))
    }
}

@Suite struct JSONFieldTests {
    private func scan(_ line: String, _ field: String) -> (text: String?, reason: String?) {
        Array(line.utf8).withUnsafeBytes { bytes in
            switch JSONLineScanner.scan(bytes, field: Array(field.utf8)) {
            case .found(let range, _): (String(decoding: bytes[range], as: UTF8.self), nil)
            case .missing(let reason), .malformed(let reason): (nil, reason)
            }
        }
    }

    @Test(arguments: [
        (#"{"data": {"text": "in"}}"#, "data.text", "in"),
        (#"{"data": {"text": "in"}, "data.text": "named"}"#, "data.text", "named"),
        (#"{"data.text": "named", "data": {"text": "in"}}"#, "data.text", "named"),
        (#"{"data.text": 5, "data": {"text": "in"}}"#, "data.text", "in"),
        (#"{"a": {"b": {"c": "deep"}, "b.c": "flat"}}"#, "a.b.c", "flat"),
        (#"{"a.b": {"c": "deep"}}"#, "a.b.c", "deep"),
        (#"{"\u0064ata": {"te\u0078t": "in"}}"#, "data.text", "in"),
        (#"{"text": "top", "data": {"text": "in"}}"#, "text", "top"),
        (#"{"": {"": "empty"}}"#, ".", nil),
        (#"{"data": {"text": "in"}}"#, "data", nil),
        (#"{"data": {"title": "in"}}"#, "data.text", nil),
    ])
    func nestedMembersAreFoundByDots(line: String, field: String, expected: String?) {
        #expect(scan(line, field).text == expected)
    }

    @Test func whatThereIsInsteadIsNamed() {
        #expect(
            scan(#"{"id": 1, "content": "x", "url": null}"#, "text").reason?.contains("(fields: id, content, url)")
                == true)
        #expect(scan(#"{"data": {"body": "x"}}"#, "data.text").reason?.contains("(fields: body)") == true)
        #expect(scan(#"{"data": [1]}"#, "data.text").reason == "the value of data is not an object")
        #expect(scan("{}", "text").reason?.contains("it has no fields") == true)
        let many = "{" + (0..<50).map { "\"field\($0)\": 1" }.joined(separator: ",") + "}"
        #expect(scan(many, "text").reason?.hasSuffix("field11, …)") == true)
    }
}
