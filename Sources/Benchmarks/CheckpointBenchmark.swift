import Checkpoints
import Formatting
import Foundation
import Kernels
import Pretraining

/// Measures saving, loading and verifying the tensors of a checkpoint, in a folder of its own.
///
/// Trained tensors compress better than drawn ones and worse than zeros, so it takes a real checkpoint.
public struct CheckpointBenchmark: Sendable {
    /// One operation: bytes are those of the tensors, uncompressed.
    public struct Operation: Encodable, Sendable {
        /// Median.
        public var seconds: Double
        /// Median of the time that all threads together were on a processor.
        public var processorSeconds: Double
        /// Bytes per second of processor time: the speed of one core.
        public var bytesPerCoreSecond: Double
    }

    /// What was measured.
    public struct Report: Encodable, Sendable {
        public var bytes: Int
        public var storedBytes: Int
        public var ratio: Double
        /// Beside training, on one thread: the copy, compressing, writing, and waiting for the disk.
        public var save: Operation
        /// How long training stands still for it.
        public var copySeconds: Double
        public var load: Operation
        public var verify: Operation
        /// SHA-256 of as many bytes, two streams side by side: what this processor can do, and thresholds are relative to.
        public var hash: Operation
        public var rounds: Int
        public var threads: Int
    }

    /// - Parameters:
    ///   - path: of the checkpoint whose tensors are used.
    ///   - folder: where checkpoints are written and removed again.
    ///   - threads: of loading and verifying.
    public static func run(
        checkpoint path: String, folder: String, rounds: Int, threads: Int, progress: (Int) -> Void = { _ in }
    ) throws -> Report {
        let reader = try CheckpointReader(path: path)
        let buffers = reader.manifest.groups.map { FloatBuffer(count: $0.elementCount) }
        let groups = zip(reader.manifest.groups, buffers).map { group, buffer in
            TensorGroup(
                name: group.name,
                tensors: group.tensors.map {
                    TensorView(
                        name: $0.name, shape: $0.shape,
                        elements: .init(start: buffer.base + $0.offset / 4, count: $0.elementCount))
                })
        }
        return try withExtendedLifetime(buffers) {
            try reader.read(destinations(groups))
            return try run(groups, folder: folder, rounds: rounds, threads: threads, progress: progress)
        }
    }

    /// The same with the tensors of a model that is trained for it, on random tokens.
    ///
    /// - Parameter steps: of training before.
    static func run(
        trainedBy configuration: RunConfiguration, steps: Int, pool: ThreadPool, folder: String, rounds: Int
    ) throws -> Report {
        let engine = try StepBenchmark.engine(configuration, pool: pool)
        for step in 1...steps { _ = try engine.train(StepBenchmark.batch(configuration, seed: step), step: step) }
        return try withExtendedLifetime(engine) {
            try run(TrainingCheckpoint.groups(engine), folder: folder, rounds: rounds, threads: 1) { _ in }
        }
    }

    private static func run(
        _ groups: [TensorGroup], folder: String, rounds: Int, threads: Int, progress: (Int) -> Void
    ) throws -> Report {
        let byteCount = groups.flatMap(\.tensors).reduce(0) { $0 + $1.elements.count * 4 }
        let destinations = destinations(groups)
        let directory = CheckpointDirectory(path: "\(folder)/pretrain-bench-\(getpid())")
        try directory.prepare()
        defer { try? FileManager.default.removeItem(atPath: directory.path) }
        let writer = CheckpointWriter(directory: directory, retention: Retention(keepLast: 1), threads: 1)
        var samples: [String: [(seconds: Double, processor: Double)]] = [:]
        func measure(_ name: String, _ body: () throws -> Void) rethrows {
            let processor = ProcessorTime.seconds
            let started = ContinuousClock.now
            try body()
            samples[name, default: []].append(
                (started.duration(to: .now).seconds, ProcessorTime.seconds - processor))
        }
        var copies: [Double] = []
        var stored = 0
        for round in 1...rounds {
            try measure("save") {
                try writer.writeInBackground(CheckpointContents(step: round, groups: groups))
                guard let published = try writer.finish() else { return }
                copies.append(published.copying.seconds)
                stored = published.manifest.storedBytes
            }
            measure("hash") { hash(byteCount) }
            progress(round)
        }
        // Only now: training does not read what it writes either, and what was read is in the system's cache and has to be
        // cleared out of it when the file is removed.
        let written = try CheckpointReader(path: directory.path(ofStep: rounds))
        for round in 1...rounds {
            try measure("load") { try written.read(destinations, threads: threads) }
            try measure("verify") { try written.verify(threads: threads) }
            progress(round)
        }
        func operation(_ name: String) -> Operation {
            let all = samples[name] ?? []
            let processor = median(all.map(\.processor))
            return Operation(
                seconds: median(all.map(\.seconds)), processorSeconds: processor,
                bytesPerCoreSecond: Double(byteCount) / processor)
        }
        return Report(
            bytes: byteCount, storedBytes: stored, ratio: Double(stored) / Double(max(byteCount, 1)),
            save: operation("save"), copySeconds: median(copies), load: operation("load"), verify: operation("verify"),
            hash: operation("hash"), rounds: rounds, threads: threads)
    }

    /// Where tensors are read to: where they are.
    private static func destinations(_ groups: [TensorGroup]) -> [String: [MutableTensorView]] {
        Dictionary(
            uniqueKeysWithValues: groups.map { group in
                let views = group.tensors.map {
                    MutableTensorView(
                        name: $0.name, shape: $0.shape, elements: UnsafeMutableBufferPointer(mutating: $0.elements))
                }
                return (group.name, views)
            })
    }

    /// Hashes a number of bytes, half of them in each of two streams, from the second-level cache.
    private static func hash(_ byteCount: Int) {
        let block = [UInt8](repeating: 1, count: 256 << 10)
        let streams = [DigestStream(), DigestStream()]
        block.withUnsafeBytes { block in
            for _ in stride(from: 0, to: byteCount, by: 2 * block.count) {
                DigestStream.update(streams.map { ($0, block) })
            }
        }
        for stream in streams { _ = stream.finish() }
    }
}

/// Time that all threads of this process have been on a processor: the cost of work, whatever else the machine does.
enum ProcessorTime {
    static var seconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// The middle value; of an even number the upper one, of none 0.
func median(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.sorted()[values.count / 2] }
