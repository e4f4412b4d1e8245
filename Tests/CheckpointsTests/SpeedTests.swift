import Checkpoints
import Foundation
import Testing

/// Speed and ratio on tensors of a real model. Takes a folder with `weights.bin`, `first_moments.bin` and
/// `second_moments.bin` of little-endian floats in PRETRAIN_CHECKPOINT_TENSORS; see `Tools/trained_tensors.py`.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["PRETRAIN_CHECKPOINT_TENSORS"] != nil))
struct SpeedTests {
    @Test func ratioAndSpeed() throws {
        let folder = ProcessInfo.processInfo.environment["PRETRAIN_CHECKPOINT_TENSORS"] ?? ""
        let model = Model()
        for group in [TensorGroup.weights, TensorGroup.firstMoments, TensorGroup.secondMoments] {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(group).bin"))
            data.withUnsafeBytes { bytes in
                model.add(group, "all", [bytes.count / 4]) {
                    bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)
                }
            }
        }
        let directory = try TemporaryDirectory()
        try directory.checkpoints.prepare()
        let writer = CheckpointWriter(directory: directory.checkpoints, retention: .all, threads: 1)
        let copy = model.blank()
        var best: [String: Double] = [:]
        for round in 1...7 {
            func measure(_ name: String, _ body: () throws -> Void) rethrows {
                let processorTime = Self.processorSeconds()
                let seconds = try ContinuousClock().measure(body) / .seconds(1)
                best[name] = min(best[name] ?? .infinity, seconds)
                let onCores = Self.processorSeconds() - processorTime
                best[name + ", processor time"] = min(best[name + ", processor time"] ?? .infinity, onCores)
            }
            try measure("block, background 1 thread") { try writer.writeInBackground(model.contents(step: round)) }
            try measure("write, background 1 thread") { try writer.waitUntilIdle() }
            try measure("write, all threads") { try writer.write(model.contents(step: round + 100)) }
            let reader = try CheckpointReader(path: directory.checkpoints.path(ofStep: round))
            try measure("read, 1 thread") { try reader.read(copy.destinations, threads: 1) }
            try measure("read, 2 threads") { try reader.read(copy.destinations, threads: 2) }
            try measure("verify, 1 thread") { try reader.verify(threads: 1) }
        }
        let manifest = try #require(try writer.finish()).manifest
        for (name, seconds) in best.sorted(by: { $0.key < $1.key }) {
            print(name, String(format: "%.3f s, %.0f MB/s", seconds, Double(manifest.bytes) / seconds / 1e6))
        }
        for file in manifest.files { print(file.file, Double(file.storedBytes) / Double(file.bytes)) }
        print("ratio", Double(manifest.storedBytes) / Double(manifest.bytes), ByteCount.text(manifest.bytes))
        #expect(Double(manifest.storedBytes) <= 0.85 * Double(manifest.bytes))
        for group in manifest.groups { #expect(copy.bytes(group.name) == model.bytes(group.name)) }
    }

    /// Time that all threads of this process have spent on a core: tells the cost per core on a busy machine.
    static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
