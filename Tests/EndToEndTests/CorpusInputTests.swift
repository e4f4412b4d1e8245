import Foundation
import TestSupport
import Testing

@Suite struct CorpusInputTests {
    private struct Case {
        var name: String
        var data: Data
        var settings: [String] = []
        var status: Int32
        var says: [String]
    }

    private static func repeated(_ count: Int, _ line: (Int) -> String) -> Data {
        Data((0..<count).map(line).joined().utf8)
    }

    @Test func everyKindOfInputIsReadOrRefusedWithAReason() throws {
        let workspace = try Workspace()
        let text = SyntheticText.text(300, seed: 3)
        Compressed.gzip(text, to: workspace.path + "/whole.txt.gz")
        let gzip = try Data(contentsOf: URL(fileURLWithPath: workspace.path + "/whole.txt.gz"))
        var invalid = Data()
        for _ in 0..<200 { invalid += Data("A heron \u{0} waits".utf8) + [0xFF, 0xC3] + Data(" again.\n\n".utf8) }
        let cases = [
            Case(name: "empty.txt", data: Data(), status: 1, says: ["empty.txt"]),
            Case(name: "space.txt", data: Data(" \n\n\t\n".utf8), status: 1, says: ["gave no training document"]),
            Case(
                name: "one.txt", data: Data("one two three".utf8), settings: ["tokenizer.minimum_frequency=1"],
                status: 0, says: ["repeated to fill one batch", "nothing to evaluate on"]),
            Case(
                name: "none-held.txt", data: Data("one two three".utf8), settings: ["corpus.held_out=0"], status: 0,
                says: ["corpus.held_out is 0"]),
            Case(name: "short.txt", data: Self.repeated(60) { "\($0)\n\n" }, status: 0, says: []),
            Case(
                name: "line.txt", data: Data(repeating: 0x78, count: 10_000_000), status: 0,
                says: ["nothing to evaluate on"]),
            Case(
                name: "invalid.txt", data: invalid, status: 1,
                says: ["200 of 200 rows cannot be used", "invalid utf8: 400"]),
            Case(
                name: "invalid.txt", data: invalid, settings: ["corpus.maximum_skipped_fraction=1"], status: 0,
                says: ["invalid UTF-8", "of the text that was read:\n", "  invalid utf8: "]),
            Case(
                name: "invalid.txt", data: invalid, settings: ["corpus.strict=true"], status: 1,
                says: ["invalid.txt: invalid UTF-8 at byte"]),
            Case(
                name: "bad.jsonl",
                data: Self.repeated(300) { $0 % 3 == 0 ? "{\"text\": no\n" : "{\"text\":\"a \($0)\"}\n" },
                status: 1, says: ["100 of 300 rows cannot be used", "malformed line: 100, first: ", "bad.jsonl:1"]),
            Case(
                name: "bad.jsonl",
                data: Self.repeated(300) { $0 % 3 == 0 ? "{\"text\": no\n" : "{\"text\":\"a \($0)\"}\n" },
                settings: ["corpus.maximum_skipped_fraction=0.4"], status: 0,
                says: ["bad.jsonl:", "malformed JSON", "  malformed line: 100, first: "]),
            Case(
                name: "bad.jsonl",
                data: Self.repeated(300) { $0 % 3 == 0 ? "{\"text\": no\n" : "{\"text\":\"a \($0)\"}\n" },
                settings: ["corpus.strict=true"], status: 1, says: ["bad.jsonl:1"]),
            Case(
                name: "deep.jsonl", data: Data((String(repeating: "[", count: 100_000) + "\n").utf8), status: 1,
                says: ["1 of 1 rows cannot be used", "malformed line: 1, first:", "deep.jsonl:1: malformed JSON"]),
            Case(
                name: "none.jsonl", data: Data("\n{\"text\": 1}\nnot JSON\n".utf8),
                settings: ["corpus.strict=true"], status: 1, says: ["none.jsonl:2: no text in member"]),
            Case(name: "cut.txt.gz", data: gzip.prefix(gzip.count / 2), status: 1, says: ["cut.txt.gz is damaged"]),
            Case(
                name: "cut.txt.zst", data: Compressed.zstandard(text).dropLast(9), status: 1,
                says: ["cut.txt.zst is damaged"]),
            Case(
                name: "cut.txt.lz4", data: Compressed.lz4(text).dropLast(9), status: 1, says: ["cut.txt.lz4 is damaged"]
            ),
            Case(
                name: "cut.txt.gz", data: gzip.prefix(gzip.count / 2), settings: ["corpus.damaged_files=skip"],
                status: 0, says: ["cut.txt.gz", "the rest is skipped"]),
            Case(name: "whole.txt.zst", data: Compressed.zstandard(text), status: 0, says: []),
            Case(name: "whole.txt.lz4", data: Compressed.lz4(text), status: 0, says: []),
            Case(name: "näme with\n\"line\".txt", data: Data(text.utf8), status: 0, says: []),
        ]
        for (number, item) in cases.enumerated() {
            let folder = "input-\(number)"
            try workspace.folder.write(item.data, to: "\(folder)/\(item.name)")
            let outcome = try workspace.run(
                "out-\(number)", ["corpus.sources=[{path: \(folder)}]", "training.steps=60"] + item.settings,
                expecting: nil)
            #expect(outcome.status == item.status && !outcome.wasKilled, "\(item.name): \(outcome.errors)")
            for part in item.says { #expect(outcome.errors.contains(part), "\(item.name): \(outcome.errors)") }
            if item.status != 0 { #expect(workspace.steps("out-\(number)").isEmpty) }
        }
    }

    @Test func linksAndFoldersInPlaceOfFiles() throws {
        let workspace = try Workspace()
        let manager = FileManager.default
        try workspace.folder.write(SyntheticText.text(80, seed: 3), to: "loop/text.txt")
        try manager.createSymbolicLink(atPath: workspace.path + "/loop/self", withDestinationPath: ".")
        let loop = try workspace.run("loop-out", ["corpus.sources=[{path: loop}]"])
        #expect(loop.errors.contains("symbolic link"))

        try manager.createSymbolicLink(atPath: workspace.path + "/knot", withDestinationPath: "knot")
        let knot = try workspace.run("knot-out", ["corpus.sources=[{path: knot}]"], expecting: 1)
        #expect(knot.errors.contains("symbolic links"))

        try manager.createSymbolicLink(atPath: workspace.path + "/loop/gone.txt", withDestinationPath: "nowhere")
        let dangling = try workspace.run("gone-out", ["corpus.sources=[{path: loop/gone.txt}]"], expecting: 1)
        #expect(dangling.errors.contains("gone.txt"))

        try manager.createDirectory(atPath: workspace.path + "/bare", withIntermediateDirectories: true)
        let bare = try workspace.run("bare-out", ["corpus.sources=[{path: bare}]"], expecting: 1)
        #expect(bare.errors.contains("holds nothing to read"))
    }
}
