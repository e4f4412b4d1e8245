import Checkpoints
import Foundation

/// What something came to, part by part, without what the clock decides.
struct Facts {
    private(set) var parts: [(name: String, lines: [String])] = []

    /// How many checkpoints there are.
    var checkpointCount: Int { parts.filter { $0.name.hasSuffix(": steps") }.reduce(0) { $0 + $1.lines.count } }

    mutating func add(_ name: String, _ lines: [String]) { parts.append((name, lines)) }

    /// - Parameters:
    ///   - incomplete: parts that may lack lines, since the program has said so.
    ///   - isOfFailures: whether writing checkpoints or removing them may have failed: then others than the newest may be
    ///     there.
    /// - Throws: a `Finding` that tells the first difference.
    func check(against expected: Facts, incomplete: Set<String> = [], isOfFailures: Bool = false) throws {
        try require(
            parts.map(\.name) == expected.parts.map(\.name),
            "\(parts.map(\.name)) instead of \(expected.parts.map(\.name))")
        for ((name, lines), (_, wanted)) in zip(parts, expected.parts) {
            if incomplete.contains(name) {
                var rest = wanted[...]
                for line in lines {
                    guard let index = rest.firstIndex(of: line) else { throw Finding("\(name): unexpected \(line)") }
                    rest = rest[(index + 1)...]
                }
                continue
            }
            if lines == wanted || (isOfFailures && name.hasSuffix(": steps") && lines.last == wanted.last) { continue }
            let index = zip(lines, wanted).enumerated().first { $1.0 != $1.1 }?.offset ?? min(lines.count, wanted.count)
            let shown = { (lines: [String]) in index < lines.count ? String(lines[index].prefix(300)) : "nothing" }
            throw Finding(
                "\(name): \(lines.count) lines for \(wanted.count), line \(index + 1) is \(shown(lines)), not \(shown(wanted))"
            )
        }
    }
}

extension Facts {
    /// What the clock decides, and how many ranks share the work.
    private static let timed = ["seconds", "tokens_per_second", "texts_per_second", "utilisation", "ranks"]

    /// A run of pretraining.
    init(run path: String) throws {
        try addCheckpoints(path + "/checkpoints")
        add("metrics.jsonl", try Self.lines(path + "/metrics.jsonl"))
        add("samples.jsonl", try Self.lines(path + "/samples.jsonl"))
        for name in ["metrics.csv", "evaluations.csv"] where FileManager.default.fileExists(atPath: "\(path)/\(name)") {
            add(name, try Self.table("\(path)/\(name)"))
        }
        add("tensorboard", try EventFiles(folder: path + "/tensorboard").entries.filter { !$0.contains(" ranks/") })
        _ = try Self.lines(path + "/journal.jsonl")
    }

    /// A run of fine-tuning with one seed.
    init(fineTuning path: String) throws {
        try addCheckpoints(path + "/seed-0/checkpoints")
        try addCheckpoints(path + "/seed-0/best")
        add("metrics.jsonl", try Self.lines(path + "/seed-0/metrics.jsonl"))
        add("tensorboard", try EventFiles(folder: path + "/seed-0/tensorboard").entries)
        add("result.json", [try Self.text(path + "/seed-0/result.json")])
    }

    /// A search: its trials' results, and what it wrote for the target.
    init(search path: String) throws {
        let names = try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
        for name in names where name.hasSuffix("/result.json") || name == "target.yaml" {
            var text = try Self.text("\(path)/\(name)").replacingOccurrences(of: path, with: "OUTPUT")
            // Of a configuration that names the tokenizer by its path.
            text = text.replacingOccurrences(of: #""key" : "[0-9a-f]*""#, with: "", options: .regularExpression)
            add(name, text.split(separator: "\n").map(String.init))
        }
    }

    /// Files of a folder, or a file.
    init(files path: String) throws {
        var isFolder: ObjCBool = false
        try require(FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), "\(path) is not there")
        let names = isFolder.boolValue ? try FileManager.default.subpathsOfDirectory(atPath: path).sorted() : [""]
        for name in names {
            let data = FileManager.default.contents(atPath: "\(path)/\(name)") ?? Data()
            add(name, [data.withUnsafeBytes { SHA256Hasher.digest($0) }])
        }
    }

    private mutating func addCheckpoints(_ path: String) throws {
        let entries = try CheckpointDirectory(path: path).entries()
        guard let newest = entries.last else { throw Finding("\(path) has no checkpoint") }
        let name = (path as NSString).lastPathComponent
        for entry in entries { try CheckpointReader(path: entry.path).verify(threads: 1) }
        let reader = try CheckpointReader(path: newest.path)
        add("\(name): steps", entries.map { "\($0.step)" })
        add("\(name): weights", [try reader.weightsSHA256(threads: 1) ?? "none"])
        for file in reader.manifest.files { add("\(name): \(file.file)", [file.sha256 ?? file.storedSHA256]) }
    }

    private static func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    }

    private static func lines(_ path: String) throws -> [String] {
        try text(path).split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { line in
            guard var object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
                throw Finding("\(path): torn line: \(line.prefix(300))")
            }
            for name in timed { object[name] = nil }
            // Of the first line of a file, which may be another one where a line was lost.
            object["version"] = nil
            return String(
                decoding: try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), as: UTF8.self)
        }
    }

    private static func table(_ path: String) throws -> [String] {
        let rows = try text(path).split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let header = rows.first ?? []
        return try rows.map { row in
            try require(row.count == header.count, "\(path): torn line: \(row.joined(separator: ","))")
            return zip(header, row).filter { !timed.contains($0.0) }.map(\.1).joined(separator: ",")
        }
    }

    /// Names that begin with a dot are of something that was not finished.
    static func checkNothingIsLeft(_ path: String) throws {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []
        let left = names.filter { ($0 as NSString).lastPathComponent.hasPrefix(".") }
        try require(left.isEmpty, "left behind: \(left.joined(separator: ", "))")
    }
}
