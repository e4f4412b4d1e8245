import Checkpoints
import Foundation
import Synchronization
import TestSupport

/// One bit of one file of a checkpoint is another one. `verify` finds it, and so does whoever loads the checkpoint, and takes
/// the one before.
///
/// Within this process, by the code that the program runs, and now and then by the program itself.
final class Flips: Sendable {
    /// So many flips for one that the program itself is given.
    private static let rarity = 1000

    private let bench: Workbench
    private let plan: Plan

    init(_ bench: Workbench, _ plan: Plan) {
        self.bench = bench
        self.plan = plan
    }

    private struct File: Sendable {
        var name: String
        var bytes: Int
    }

    func run() throws -> Tally {
        let subject = try Case.runs(bench)[1]
        // What a run of the untouched folder comes to.
        let model = bench.fresh("flips")
        try subject.prepare(model)
        let facts = try subject.facts(model, try bench.succeed(subject.arguments(model)))
        bench.discard(model)

        // A folder for each job: a flip is made in place and undone.
        let folders = Mutex<[String]>([])
        for _ in 0..<plan.jobs {
            let folder = bench.fresh("flips")
            try subject.prepare(folder)
            folders.withLock { $0.append(folder) }
        }
        let sample = folders.withLock { $0[0] }
        let entries = try CheckpointDirectory(path: sample + "/checkpoints").entries()
        guard let newest = entries.last, entries.count > 1 else { throw Finding("too few checkpoints") }
        let name = (newest.path as NSString).lastPathComponent
        let files = try FileManager.default.contentsOfDirectory(atPath: newest.path).sorted().map {
            File(name: $0, bytes: (FileManager.default.contents(atPath: "\(newest.path)/\($0)") ?? Data()).count)
        }
        var tally = Tally(part: "flips")
        tally.counts["files"] = files.count
        tally.counts["bits"] = 8 * files.reduce(0) { $0 + $1.bytes }
        return plan.trials(tally) { [self] trial, random in
            let folder = folders.withLock { $0.removeLast() }
            defer { folders.withLock { $0.append(folder) } }
            // By files, or nearly all would be in the moments.
            let file = files.randomElement(using: &random) ?? files[0]
            let flip = Flip(
                path: "\(folder)/checkpoints/\(name)/\(file.name)",
                byte: Int.random(in: 0..<file.bytes, using: &random),
                bit: Int.random(in: 0..<8, using: &random))
            if trial % Self.rarity == Self.rarity - 1 {
                try byTheProgram(subject, flip: { try Flip($0, in: name, as: flip).apply() }, facts)
                return ["by the program": 1]
            }
            try flip.apply()
            defer { try? flip.apply() }
            return try check(folder, newest: newest.step, flip)
        }
    }

    /// Finds the bit, in this process.
    private func check(_ folder: String, newest: Int, _ flip: Flip) throws -> [String: Int] {
        let directory = CheckpointDirectory(path: folder + "/checkpoints")
        do {
            try CheckpointReader(path: directory.path(ofStep: newest)).verify(threads: 1)
            throw Finding("\(flip) is not found by verifying")
        } catch is CheckpointError {}
        let taken = try directory.loadLatestGood { reader in
            try Self.readAll(reader)
            return reader.manifest.step
        }
        try require(taken.value != newest, "\(flip) is loaded without a word")
        return ["passed over": 1]
    }

    private func byTheProgram(_ subject: Case, flip: (String) throws -> Void, _ facts: Facts) throws {
        let output = bench.fresh("flipped")
        defer { bench.discard(output) }
        try subject.prepare(output)
        try flip(output)
        let verified = try bench.run(["checkpoint", "verify", output])
        try verified.check()
        try require(verified.end == .exited(1), "checkpoint verify finds nothing: \(verified.output)")
        let outcome = try bench.run(subject.arguments(output))
        try outcome.check()
        try require(outcome.succeeded, "the run fails: \(outcome.shown)")
        try subject.facts(output, outcome).check(against: facts)
    }

    private struct Flip: CustomStringConvertible {
        var path: String
        var byte: Int
        var bit: Int

        init(path: String, byte: Int, bit: Int) { (self.path, self.byte, self.bit) = (path, byte, bit) }

        /// The same bit in another copy of the run.
        init(_ output: String, in checkpoint: String, as other: Flip) {
            let file = (other.path as NSString).lastPathComponent
            self.init(path: "\(output)/checkpoints/\(checkpoint)/\(file)", byte: other.byte, bit: other.bit)
        }

        var description: String { "bit \(bit) of byte \(byte) of \(path)" }

        func apply() throws {
            let descriptor = open(path, O_RDWR)
            guard descriptor >= 0 else { throw Finding("cannot open \(path)") }
            defer { close(descriptor) }
            var value: UInt8 = 0
            guard pread(descriptor, &value, 1, off_t(byte)) == 1 else { throw Finding("cannot read \(path)") }
            value ^= 1 << UInt8(bit)
            guard pwrite(descriptor, &value, 1, off_t(byte)) == 1 else { throw Finding("cannot write \(path)") }
        }
    }

    /// Reads all that a run reads of a checkpoint.
    private static func readAll(_ reader: CheckpointReader) throws {
        for document in reader.manifest.documents { _ = try reader.document(document.name) }
        for group in reader.manifest.groups {
            let views = group.tensors.map {
                MutableTensorView(name: $0.name, shape: $0.shape, elements: .allocate(capacity: $0.elementCount))
            }
            defer { for view in views { view.elements.deallocate() } }
            try reader.read(group: group.name, into: views, threads: 1)
        }
    }
}
