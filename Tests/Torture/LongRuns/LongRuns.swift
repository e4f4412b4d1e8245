import Checkpoints
import Formatting
import Foundation
import Synchronization
import TestSupport

/// What only shows in the long run, or with much of something. The count is in thousands of steps; numbers of files and
/// sizes follow it.
final class LongRuns: Sendable {
    private let bench: Workbench
    private let plan: Plan

    init(_ bench: Workbench, _ plan: Plan) {
        self.bench = bench
        self.plan = plan
    }

    func run() throws -> Tally {
        let all: [(name: String, body: @Sendable (LongRuns) throws -> String)] = [
            ("steps", { try $0.steps() }), ("counter", { try $0.counter() }), ("files", { try $0.files() }),
            ("line of text", { try $0.line(isJSON: false) }), ("line of JSON", { try $0.line(isJSON: true) }),
            ("growing file", { try $0.growingFile() }),
        ]
        let chosen = all.filter { self.plan.includes($0.name) }
        var plan = self.plan
        // Each is measured, and takes what there is.
        plan.jobs = 1
        let body: @Sendable (Int, inout SplitMix64) throws -> [String: Int] = { [self] trial, _ in
            say("  \(chosen[trial].name): \(try chosen[trial].body(self))")
            return [:]
        }
        return plan.trials(Tally(part: "long"), count: chosen.count, name: { chosen[$0].name }, body)
    }

    private static let tiny = [
        "model.hidden_size=16", "model.layer_count=1", "model.head_count=1", "model.intermediate_size=32",
        "model.embedding_size=16", "model.generator.width_multiplier=1", "training.batch_size=2",
        "corpus.sequence_length=16", "evaluation.tokens=64",
    ]

    /// Memory, descriptors and threads at the end as near the beginning.
    private func steps() throws -> String {
        let steps = max(3, plan.count) * 1000
        let settled = 2000
        let span = min(max(5000, steps / 10), (steps - settled) / 2)
        let output = bench.fresh("long")
        defer { bench.discard(output) }
        let run = try bench.start(
            bench.run(
                output,
                Self.tiny + [
                    "training.steps=\(steps)", "training.checkpoint_every=1000", "training.evaluate_every=1000",
                    "training.log_every=100", "tokenizer.path=\(try bench.tokenizer)",
                ]))
        var early: [ProcessState] = []
        var late: [ProcessState] = []
        while !run.wait(seconds: 0.02) {
            guard let step = lastStep(output), let state = ProcessState(run.identifier) else { continue }
            // From the second checkpoint and evaluation on everything has been there once.
            if step >= settled, step < settled + span { early.append(state) }
            if step >= steps - span { late.append(state) }
        }
        let outcome = try run.end()
        try outcome.check()
        try require(outcome.succeeded, outcome.shown)
        try require(!early.isEmpty && !late.isEmpty, "too short to compare")
        func most(_ states: [ProcessState], _ value: (ProcessState) -> Int) -> Int { states.map(value).max() ?? 0 }
        // What is open while a checkpoint is written may be seen early on or late, by chance; what leaks is there always.
        func least(_ states: [ProcessState], _ value: (ProcessState) -> Int) -> Int { states.map(value).min() ?? 0 }
        // A short run is looked at too seldom for that.
        let slack = steps < 10_000 ? 1 : 0
        let memory = (most(early, \.residentBytes), most(late, \.residentBytes))
        let descriptors = (least(early, \.descriptors), least(late, \.descriptors))
        let threads = (least(early, \.threads), least(late, \.threads))
        let text =
            "\(CountFormat.grouped(steps)) steps; early on and at the end "
            + "\(ByteFormat.text(memory.0)) and \(ByteFormat.text(memory.1)), \(descriptors.0) and \(descriptors.1) descriptors, "
            + "\(threads.0) and \(threads.1) threads"
        try require(
            memory.1 <= memory.0 + memory.0 / 10 + (4 << 20) && descriptors.1 <= descriptors.0 + slack
                && threads.1 <= threads.0 + slack,
            "it grows: \(text)")
        return text
    }

    private func lastStep(_ output: String) -> Int? {
        let descriptor = open(output + "/metrics.jsonl", O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        var bytes = [UInt8](repeating: 0, count: 8192)
        let start = max(0, size - off_t(bytes.count))
        let count = pread(descriptor, &bytes, bytes.count, start)
        guard count > 0 else { return nil }
        let lines = String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
        for line in lines.reversed() {
            if let range = line.range(of: #"(?<="step":)[0-9]+"#, options: .regularExpression) {
                return Int(line[range])
            }
        }
        return nil
    }

    /// Steps beyond what 32 bits count: the same through an interruption, and other random numbers than 2³² steps before.
    private func counter() throws -> String {
        let base = bench.fresh("counter")
        let settings = [
            "optimizer.schedule=constant", "training.checkpoint_every=2", "training.evaluate_every=4",
            "training.keep_last=20", "tokenizer.path=\(try bench.tokenizer)",
        ]
        try bench.succeed(bench.run(base, settings + ["training.steps=4"]))
        defer { bench.discard(base) }
        func moved(by offset: Int) throws -> String {
            let output = bench.fresh("counter")
            try FileManager.default.copyItem(atPath: base, toPath: output)
            try Self.renumber(output, by: offset)
            return output
        }
        let wrap = 1 << 32
        func goOn(_ output: String, to step: Int) throws -> Facts {
            try bench.succeed(bench.run(output, settings + ["training.steps=\(step)"]))
            return try Facts(run: output)
        }
        // Steps 2³² − 4 to 2³² + 4.
        let whole = try moved(by: wrap - 8)
        let parts = try moved(by: wrap - 8)
        let early = try moved(by: 0)
        let late = try moved(by: wrap)
        defer { for path in [whole, parts, early, late] { bench.discard(path) } }
        let facts = try goOn(whole, to: wrap + 4)
        _ = try goOn(parts, to: wrap + 4)
        for entry in try CheckpointDirectory(path: parts + "/checkpoints").entries() where entry.step > wrap - 2 {
            try FileManager.default.removeItem(atPath: entry.path)
        }
        try goOn(parts, to: wrap + 4).check(against: facts)
        let (one, other) = (try goOn(early, to: 8), try goOn(late, to: wrap + 8))
        func weights(_ facts: Facts) -> [String] { facts.parts.first { $0.name.hasSuffix("weights") }?.lines ?? [] }
        try require(weights(one) != weights(other), "random numbers come again after 2³² steps")
        return
            "steps \(CountFormat.grouped(wrap - 4)) to \(CountFormat.grouped(wrap + 4)), and interrupted at \(CountFormat.grouped(wrap - 2))"
    }

    /// Publishes the newest checkpoint of a run as one of a later step.
    private static func renumber(_ output: String, by offset: Int) throws {
        let directory = CheckpointDirectory(path: output + "/checkpoints")
        let entries = try directory.entries()
        guard offset != 0, let newest = entries.last else { return }
        let step = newest.step + offset
        try CheckpointReader(path: newest.path).republish(
            to: directory, step: step,
            document: { name, bytes in
                guard name == "state.json",
                    var state = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
                else { return bytes }
                state["step"] = step
                state["tokens"] = 256 * step
                return [UInt8](try JSONSerialization.data(withJSONObject: state, options: .sortedKeys))
            },
            clearing: {
                for entry in entries { try FileManager.default.removeItem(atPath: entry.path) }
                for name in ["metrics.jsonl", "samples.jsonl", "tensorboard"] {
                    try FileManager.default.removeItem(atPath: "\(output)/\(name)")
                }
            })
    }

    private func files() throws -> String {
        let count = 500 * plan.count
        let folder = bench.fresh("files")
        defer { bench.discard(folder) }
        var random = plan.random(2)
        for number in 0..<count {
            if number % 1000 == 0 { try OutputFolders.make("\(folder)/\(number / 1000)") }
            let text = SyntheticText.sentence(&random) + " " + SyntheticText.sentence(&random) + "\n"
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(number / 1000)/\(number).txt"))
        }
        let output = bench.fresh("run")
        defer { bench.discard(output) }
        let settings = [
            "corpus.sources=[{path: \(folder)}]", "training.checkpoint_every=10",
            "tokenizer.path=\(try bench.tokenizer)",
        ]
        // Names and sizes of files, twice.
        let limit = (128 << 20) + count * 2048
        let constant = settings + ["optimizer.schedule=constant"]
        let first = try watch(bench.run(output, constant + ["training.steps=20"]), limit: limit)
        let second = try watch(bench.run(output, constant + ["training.steps=30"]), limit: limit)
        return "\(CountFormat.grouped(count)) files: \(first), gone on with: \(second)"
    }

    private func line(isJSON: Bool) throws -> String {
        let bytes = plan.count * 2_000_000
        let folder = bench.fresh("line")
        defer { bench.discard(folder) }
        try OutputFolders.make(folder)
        var random = plan.random(3)
        let block = (0..<1000).map { _ in SyntheticText.sentence(&random) }.joined(separator: " ") + " "
        var data = Data(isJSON ? #"{"text": ""#.utf8 : "".utf8)
        while data.count < bytes { data.append(contentsOf: block.utf8) }
        if isJSON { data.append(contentsOf: #""}"#.utf8) }
        data.append(UInt8(ascii: "\n"))
        // Other lines, so that there is something to learn from whatever becomes of the long one.
        data.append(
            contentsOf: (isJSON ? SyntheticText.jsonLines(500, seed: 3) : SyntheticText.text(500, seed: 3)).utf8)
        try data.write(to: URL(fileURLWithPath: "\(folder)/line.\(isJSON ? "jsonl" : "txt")"))
        let output = bench.fresh("run")
        defer { bench.discard(output) }
        let outcome = try watch(
            bench.run(
                output,
                [
                    "corpus.sources=[{path: \(folder)\(isJSON ? "" : ", document_separator: line")}]",
                    "tokenizer.path=\(try bench.tokenizer)",
                ]), limit: (192 << 20) + (isJSON ? 2 * bytes : 0))
        return "\(ByteFormat.text(bytes)): \(outcome)"
    }

    /// Runs to the end, which must be a good one.
    ///
    /// - Parameter limit: of its memory, in bytes.
    /// - Returns: time and the most memory.
    private func watch(_ arguments: [String], limit: Int) throws -> String {
        let started = ContinuousClock.now
        let run = try bench.start(arguments)
        var peak = 0
        while !run.wait(seconds: 0.01) { peak = max(peak, ProcessState(run.identifier)?.peakBytes ?? 0) }
        let seconds = started.duration(to: .now) / .seconds(1)
        let outcome = try run.end()
        try outcome.check()
        try require(outcome.succeeded, outcome.shown)
        try require(peak <= limit, "it took \(ByteFormat.text(peak)), more than \(ByteFormat.text(limit))")
        return String(format: "%.1f s, %@", seconds, ByteFormat.text(peak))
    }

    /// A file that others write to while it is read is an error that names it; what was learned is kept, and the run goes on
    /// once that is accepted.
    private func growingFile() throws -> String {
        let folder = bench.fresh("growing")
        defer { bench.discard(folder) }
        try OutputFolders.make(folder)
        let path = folder + "/growing.txt"
        try Data(SyntheticText.text(2000, seed: 8).utf8).write(to: URL(fileURLWithPath: path))
        let output = bench.fresh("run")
        defer { bench.discard(output) }
        let arguments = bench.run(
            output,
            [
                "corpus.sources=[{path: \(folder)}]", "training.steps=3000", "training.checkpoint_every=100",
                "training.evaluate_every=0", "tokenizer.path=\(try bench.tokenizer)",
            ])
        let run = try bench.start(arguments)
        var random = plan.random(5)
        while !run.wait(seconds: 0.01) {
            guard lastStep(output) != nil, let file = FileHandle(forWritingAtPath: path) else { continue }
            _ = try file.seekToEnd()
            try file.write(contentsOf: Data((SyntheticText.sentence(&random) + "\n\n").utf8))
            try file.close()
        }
        let outcome = try run.end()
        try outcome.check()
        try require(!outcome.succeeded, "it has read a file that grew, without a word")
        try require(outcome.errors.contains("growing.txt"), "it does not say which file: \(outcome.shown)")
        try Case.checkCheckpoints(output)
        let again = try bench.run(arguments)
        try again.check()
        try require(!again.succeeded && again.errors.contains("growing.txt"), "the next run: \(again.shown)")
        try bench.succeed(arguments + ["--corpus-changed", "accept"])
        let message = outcome.errors.split(separator: "\n").last.map(String.init) ?? ""
        return message.replacingOccurrences(of: folder + "/", with: "")
    }
}
