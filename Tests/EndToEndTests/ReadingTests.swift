import Foundation
import TestSupport
import Testing

/// What a trained model makes of lines of text: fill, embed, detect --score.
@Suite struct ReadingTests {
    @Test func fillNamesTheLikeliestTokensOfEachMask() throws {
        let workspace = try Workspace()
        try workspace.run("run", ["training.steps=2"])
        let lines = "the [MASK] is [MASK]\n[MASK]\n"
        let found = try workspace.pretrain("fill", "run", "--top", "3", "--json", input: lines)
        let objects = try found.output.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        let candidates = objects.map { $0["candidates"] as? [[[String: Any]]] ?? [] }
        #expect(candidates.map(\.count) == [2, 1] && candidates.joined().allSatisfy { $0.count == 3 })
        for mask in candidates.joined() {
            let shares = mask.compactMap { $0["probability"] as? Double }
            #expect(shares == shares.sorted(by: >) && shares.allSatisfy { $0 > 0 && $0 < 1 })
        }
        let plain = try workspace.pretrain("fill", "run", input: "the [MASK] is [MASK]\n")
        #expect(plain.status == 0 && plain.output.split(separator: "\n").count == 2)
        // The space before a word is part of its token, which the mask stands for.
        let joined = try workspace.pretrain("fill", "run", input: "the[MASK] is[MASK]\n")
        #expect(joined.output == plain.output)
        let without = try workspace.pretrain("fill", "run", input: "the [MASK]\nnothing\n")
        #expect(without.status != 0 && without.errors.contains("line 2: has no [MASK]"))
        #expect(without.output.split(separator: "\n").count == 1)
    }

    @Test func embedWritesARowForEveryTextOrToken() throws {
        let workspace = try Workspace()
        try workspace.run("run", ["training.steps=2"])
        let texts = ["the first text", "", String(repeating: "long ", count: 300), "the first text"]
        try workspace.folder.write(texts.joined(separator: "\n") + "\n", to: "texts.txt")
        func embed(_ arguments: String...) throws -> (values: [Float], report: [String: Any], errors: String) {
            let result = try Program.run(
                ["embed", "run", "--output", "v.npy", "--quiet", "--json"] + arguments, in: workspace.path)
            #expect(result.status == 0, "\(result.errors)")
            let report = try result.json()
            let shape = try #require(report["shape"] as? [Int])
            let data = try Data(contentsOf: URL(fileURLWithPath: workspace.path + "/v.npy"))
            let count = shape.reduce(1, *)
            let values = data.suffix(4 * count).withUnsafeBytes { bytes in
                (0..<count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
            return (values, report, result.errors)
        }
        let mean = try embed("--input", "texts.txt")
        let width = mean.values.count / 4
        #expect(mean.report["texts"] as? Int == 4 && mean.report["truncated"] as? Int == 1)
        #expect(mean.errors.contains("1 of 4 texts were cut"))
        func row(_ values: [Float], _ index: Int) -> [Float] { Array(values[index * width..<(index + 1) * width]) }
        // The same text has the same vector, wherever it stands, up to the rounding of products of other shapes.
        let (first, last) = (row(mean.values, 0), row(mean.values, 3))
        #expect(zip(first, last).allSatisfy { abs($0 - $1) < 1e-4 } && first != row(mean.values, 1))
        // More texts than are read at a time: rows of the second part follow those of the first.
        let count = 8200
        let several = (0..<count).map { "the text \($0 % 7)" }
        try workspace.folder.write(several.joined(separator: "\n") + "\n", to: "several.txt")
        let parts = try embed("--input", "several.txt").values
        #expect(parts.count == count * width)
        #expect(
            (7..<count).allSatisfy { index in
                zip(row(parts, index), row(parts, index % 7)).allSatisfy { abs($0 - $1) < 1e-4 }
            })
        #expect(zip(row(parts, 0), row(parts, 1)).contains { abs($0 - $1) > 1e-3 })
        let tokens = try embed("--input", "texts.txt", "--pooling", "tokens")
        let offsets = try Data(contentsOf: URL(fileURLWithPath: workspace.path + "/v.npy.offsets.npy")).suffix(40)
            .withUnsafeBytes { bytes in (0..<5).map { Int(bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)) }
            }
        #expect(offsets[0] == 0 && offsets[4] == tokens.values.count / width)
        // The mean over a text's tokens is the vector of the text.
        let rows = (offsets[0]..<offsets[1]).map { row(tokens.values, $0) }
        let means = (0..<width).map { column in rows.reduce(0) { $0 + $1[column] } / Float(rows.count) }
        #expect(zip(means, first).allSatisfy { abs($0 - $1) < 1e-4 })
        let unit = try embed("--input", "texts.txt", "--pooling", "first", "--normalize")
        for index in 0..<4 {
            #expect(abs(row(unit.values, index).reduce(0) { $0 + $1 * $1 } - 1) < 1e-4)
        }
        try workspace.folder.write(
            texts.map { "{\"body\": \"\($0)\"}" }.filter { $0 != "{\"body\": \"\"}" }.joined(separator: "\n"),
            to: "t.jsonl")
        let json = try embed("--input", "t.jsonl", "--text-field", "body")
        #expect(zip(row(json.values, 0), first).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    @Test func scoresTellStrangeLinesFromOrdinaryOnes() throws {
        let workspace = try Workspace()
        try workspace.run("run", ["training.steps=2"])
        let ordinary = (0..<50).map { "ordinary line \($0)" }
        try workspace.folder.write(ordinary.joined(separator: "\n") + "\n", to: "clean.txt")
        func scores(_ kind: String) throws -> [Double] {
            let result = try workspace.pretrain(
                "detect", "run", "--score", kind, input: ordinary.joined(separator: "\n") + "\n")
            #expect(result.status == 0, "\(result.errors)")
            return result.output.split(separator: "\n").compactMap { Double($0) }
        }
        let (sum, mean, worst) = (try scores("sum"), try scores("mean"), try scores("worst"))
        #expect(sum.count == 50 && zip(sum, mean).allSatisfy { $0 > $1 && $1 > 0 })
        #expect(worst.allSatisfy { $0 > 0 && $0 < 1 })
        let marked = try workspace.pretrain(
            "detect", "run", "--score", "sum", "--clean", "clean.txt", "--false-alarms", "0.1",
            input: ordinary.joined(separator: "\n") + "\n")
        // Of fifty lines a tenth is beyond the threshold, ties apart.
        let strange = marked.output.split(separator: "\n").count { $0.hasSuffix("\t1") }
        #expect(strange <= 5 && marked.errors.contains("50 ordinary lines"), "\(marked.errors)")
        // Labels by the score itself: a perfect ranking.
        let middle = sum.sorted()[25]
        let labelled = zip(ordinary, sum).map { "\($1 >= middle ? 1 : 0)\t\($0)" }.joined(separator: "\n") + "\n"
        let judged = try workspace.pretrain("detect", "run", "--score", "sum", "--labelled", "--json", input: labelled)
        let last = try #require(judged.output.split(separator: "\n").last)
        let summary = try #require(
            (try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any])?["summary"] as? [String: Any])
        #expect(summary["auc"] as? Double == 1 && summary["lines"] as? Int == 50)
        let bad = try workspace.pretrain("detect", "run", "--score", "sum", "--labelled", input: "0\tfine\nno label\n")
        #expect(bad.status != 0 && bad.errors.contains("line 2"))
        let without = try workspace.pretrain("detect", "run", "--labelled", input: "")
        #expect(without.status == 64 && without.errors.contains("go with --score"))
        let both = try workspace.pretrain("corpus", "check", "a", "--format", "jsonl", "--document-separator", "line")
        #expect(both.status == 64 && both.errors.contains("--document-separator is for text"))
        // A line of another system is the same text.
        let pair = try workspace.pretrain(
            "detect", "run", "--score", "sum", input: "the miller carries stones\nthe miller carries stones\r\n"
        ).output.split(separator: "\n")
        #expect(pair.count == 2 && pair[0] == pair[1])
    }
}
