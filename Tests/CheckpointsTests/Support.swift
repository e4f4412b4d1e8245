import Checkpoints
import Foundation
import Synchronization
import TestSupport
import Testing

extension TemporaryFolder {
    /// Whether the file system can write from a program's memory.
    var canWriteDirectly: Bool {
        guard let flag = PosixStorageSystem.directFlag else { return false }
        let descriptor = open("\(path)/probe", O_WRONLY | O_CREAT | flag, 0o600)
        defer { if descriptor >= 0 { close(descriptor) } }
        return descriptor >= 0
    }

    var checkpoints: CheckpointDirectory { CheckpointDirectory(path: "\(path)/checkpoints") }
}

extension SplitMix64 {
    /// A number that is distributed like a trained weight.
    mutating func gaussian(_ scale: Float = 0.02) -> Float { Float(normal()) * scale }
}

/// Tensors as a model has them. Their memory is never freed: views of it may outlive the last use of the object.
final class Model: @unchecked Sendable {
    struct Tensor {
        var name: String
        var shape: [Int]
        var memory: UnsafeMutableBufferPointer<Float>
    }

    private(set) var groups: [(name: String, tensors: [Tensor])] = []

    func add(_ group: String, _ name: String, _ shape: [Int], _ value: (Int) -> UInt32) {
        let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: shape.reduce(1, *))
        for index in memory.indices {
            // Through the bits: assigning a signalling NaN as a float could quieten it.
            UnsafeMutableRawPointer(memory.baseAddress! + index).storeBytes(of: value(index), as: UInt32.self)
        }
        if !groups.contains(where: { $0.name == group }) { groups.append((group, [])) }
        groups[groups.firstIndex { $0.name == group }!].tensors.append(.init(name: name, shape: shape, memory: memory))
    }

    /// The same names and shapes, filled with something else.
    func blank() -> Model {
        let other = Model()
        for group in groups {
            for tensor in group.tensors { other.add(group.name, tensor.name, tensor.shape) { _ in 0xDEAD_BEEF } }
        }
        return other
    }

    func contents(
        step: Int, documents: [CheckpointDocument] = [], metadata: [String: String] = [:]
    ) -> CheckpointContents {
        let groups = groups.map { group in
            TensorGroup(
                name: group.name,
                tensors: group.tensors.map {
                    TensorView(name: $0.name, shape: $0.shape, elements: UnsafeBufferPointer($0.memory))
                })
        }
        return CheckpointContents(step: step, groups: groups, documents: documents, metadata: metadata)
    }

    var destinations: [String: [MutableTensorView]] {
        Dictionary(
            uniqueKeysWithValues: groups.map { group in
                (
                    group.name,
                    group.tensors.map { MutableTensorView(name: $0.name, shape: $0.shape, elements: $0.memory) }
                )
            })
    }

    func bytes(_ group: String) -> [UInt8] {
        groups.filter { $0.name == group }.flatMap(\.tensors).flatMap { Array(UnsafeRawBufferPointer($0.memory)) }
    }

    /// A few tensors of odd sizes with weights and moments.
    static func small(seed: UInt64 = 1) -> Model {
        let model = Model()
        var random = SplitMix64(seed: seed)
        for group in [TensorGroup.weights, TensorGroup.firstMoments, TensorGroup.secondMoments] {
            for (name, shape) in [("embedding", [300, 17]), ("bias", [7]), ("scale", []), ("none", [0, 4])] {
                model.add(group, name, shape) { _ in random.gaussian().bitPattern }
            }
        }
        return model
    }
}

let someDocuments = [
    CheckpointDocument(name: "config.yaml", text: "training: {steps: 10}\n"),
    CheckpointDocument(name: "state.json", text: String(repeating: "{\"position\": 12345}", count: 50)),
    CheckpointDocument(name: "empty.json", bytes: []),
]

/// A storage system with failures on request.
final class FaultySystem: StorageSystem {
    struct Plan {
        /// Stops, as a crash would, at this phase.
        var crashAt: WritePhase?
        /// `errno` of writes after this many bytes.
        var failWritesAfter: Int?
        var writeError = ENOSPC
        /// Writes at most this many bytes at a time, and is interrupted before every other write.
        var shortWrites: Int?
        /// Direct writes are refused after this many bytes.
        var refuseDirectAfter: Int?
        var failSync = false
        var failRename = false
        var free: Int?
        var failMap = false
    }

    private struct State {
        var plan: Plan
        var written = 0
        var calls = 0
        var directWrites = 0
        var phases: [WritePhase] = []
    }

    private let state: Mutex<State>
    private let real = PosixStorageSystem()

    init(_ plan: Plan) { state = Mutex(State(plan: plan)) }

    /// Writes from the caller's memory that were not refused.
    var directWrites: Int { state.withLock { $0.directWrites } }
    var phases: [WritePhase] { state.withLock { $0.phases } }

    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        var count = bytes.count
        let isDirect = PosixStorageSystem.directFlag.map { fcntl(descriptor, F_GETFL) & $0 != 0 } ?? false
        let failure: Int32? = state.withLock { state in
            state.calls += 1
            if let limit = state.plan.failWritesAfter, state.written + count > limit { return state.plan.writeError }
            if isDirect, let limit = state.plan.refuseDirectAfter, state.written >= limit { return EINVAL }
            if let short = state.plan.shortWrites {
                if state.calls % 2 == 0 { return EINTR }
                count = min(count, short)
            }
            state.written += count
            if isDirect { state.directWrites += 1 }
            return nil
        }
        if let failure {
            errno = failure
            return -1
        }
        return real.write(descriptor, UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    }

    func fsync(_ descriptor: Int32) -> Int32 {
        guard state.withLock({ $0.plan.failSync }) else { return real.fsync(descriptor) }
        errno = EIO
        return -1
    }

    func rename(_ old: String, _ new: String) -> Int32 {
        guard state.withLock({ $0.plan.failRename }) else { return real.rename(old, new) }
        errno = EACCES
        return -1
    }

    func freeBytes(_ path: String) -> Int? { state.withLock { $0.plan.free } ?? real.freeBytes(path) }

    func map(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        guard state.withLock({ $0.plan.failMap }) else { return real.map(byteCount) }
        errno = ENOMEM
        return nil
    }

    func reached(_ phase: WritePhase) throws {
        let crash = state.withLock { state in
            state.phases.append(phase)
            return state.plan.crashAt == phase
        }
        if crash { throw SimulatedCrash() }
    }
}
