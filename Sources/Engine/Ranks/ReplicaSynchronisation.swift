import Communication
import Foundation
import Kernels

/// Brings replicas of a model together again that have trained by themselves for some steps.
///
/// What they have become is averaged, and the step from where they met last to there is taken by Nesterov's momentum (DiLoCo,
/// Algorithm 1). The optimizer's moments are averaged too (as in DES-LOC, arXiv 2505.22549), where DiLoCo leaves each replica
/// its own: so what all are after it is one model, which one checkpoint holds. Each rank does so for a part of every buffer,
/// and adds in the order of ranks: all have the same bits.
public final class ReplicaSynchronisation {
    private let group: RankGroup?
    private let engine: TrainingEngine
    private let momentum: FloatBuffer
    private let learningRate: Float
    private let decay: Float
    /// Weights as all had them when they met last.
    private let anchor: FloatBuffer
    /// The part of every buffer, which are all of one layout, that each rank brings together.
    private let parts: [Range<Int>]
    /// What others send of this rank's part.
    private let incoming: [FloatBuffer]
    private var stopwatch: RankStopwatch

    /// - Parameters:
    ///   - engine: of a replica.
    ///   - group: of all of them; nil for a single one.
    public init(_ configuration: SynchronisationConfiguration, _ engine: TrainingEngine, _ group: RankGroup?) {
        guard let momentum = engine.state.outerMomentum else {
            preconditionFailure("an engine that is no replica's has no outer step")
        }
        self.engine = engine
        self.group = group
        self.momentum = momentum
        stopwatch = RankStopwatch(group)
        learningRate = Float(configuration.outerLearningRate)
        decay = Float(configuration.momentum(engine.configuration.optimizer.kind))
        anchor = FloatBuffer(count: engine.state.weights.count)
        let (rank, ranks) = (group?.rank ?? 0, group?.count ?? 1)
        parts = (0..<ranks).map { [anchor] in .share($0, of: ranks, count: anchor.count) }
        incoming = parts.indices.map { [parts] in FloatBuffer(count: $0 == rank ? 0 : parts[rank].count) }
        Self.copy(engine.state.weights, to: anchor, engine.pool)
    }

    private var rank: Int { group?.rank ?? 0 }

    /// Gives everybody what the first rank has. Every rank has to call it, before its first step.
    public func distribute() throws {
        if let group {
            for buffer in [engine.state.weights, momentum] + engine.state.optimizer.map(\.buffer) {
                try group.broadcast(buffer.bytes, for: "the weights")
            }
            engine.weightsChanged()
        }
        Self.copy(engine.state.weights, to: anchor, engine.pool)
        _ = stopwatch.timing(group)
        stopwatch.start(group)
    }

    /// Gives the first rank the others' parts of the outer momentum.
    public func gather() throws {
        guard let group else { return }
        if group.leads {
            try group.wait(
                (1..<group.count).flatMap { try group.receive(momentum.bytes(parts[$0]), from: $0, .state) },
                for: "the outer momentum")
        } else {
            try group.wait(
                try group.send(UnsafeRawBufferPointer(momentum.bytes(parts[rank])), to: 0, .state),
                for: "the outer momentum")
        }
    }

    /// All become one model, at the end of a step.
    ///
    /// - Parameters:
    ///   - skipped: steps since the last exchange that this replica could not learn from.
    ///   - signal: that this process has received; 0 for none.
    /// - Returns: what every rank tells.
    public func synchronise(skipped: Int, signal: Int32) throws -> [ReplicaReport] {
        let state = engine.state
        try bringTogether(state.weights) { [anchor, momentum, learningRate, decay] sources, place in
            Kernels.outerStep(
                sources, anchor: anchor.base + place.lowerBound, momentum: momentum.base + place.lowerBound,
                into: state.weights.base + place.lowerBound, count: place.count, learningRate: learningRate,
                decay: decay)
        }
        for (_, buffer) in state.optimizer {
            try bringTogether(buffer) { sources, place in
                Kernels.mean(sources, into: buffer.base + place.lowerBound, count: place.count)
            }
        }
        Self.copy(state.weights, to: anchor, engine.pool)
        engine.weightsChanged()
        let own = ReplicaReport(skipped: skipped, signal: signal, timing: stopwatch.timing(group))
        stopwatch.start(group)
        return try group.map { try own.exchanged($0) } ?? [own]
    }

    private struct Sources: @unchecked Sendable {
        let all: [UnsafePointer<Float>]
    }

    /// Each rank computes its part of a buffer from everybody's, and gives it to all.
    ///
    /// - Parameter body: gets everybody's values, by rank, and where they are in the buffer, whose values may be overwritten.
    private func bringTogether(
        _ buffer: FloatBuffer, _ body: @escaping @Sendable ([UnsafePointer<Float>], Range<Int>) -> Void
    ) throws {
        let own = parts[rank]
        let others = parts.indices.filter { $0 != rank }
        if let group {
            var messages: [RankGroup.Message] = []
            for other in others {
                messages += try group.receive(incoming[other].bytes, from: other, .weights)
                messages += try group.send(
                    UnsafeRawBufferPointer(buffer.bytes(parts[other])), to: other, .weights)
            }
            try group.wait(messages, for: "what replicas have become")
        }
        let sources = Sources(
            all: parts.indices.map { UnsafePointer($0 == rank ? buffer.base + own.lowerBound : incoming[$0].base) })
        Self.slices(own.count, engine.pool) { slice in
            body(
                sources.all.map { $0 + slice.lowerBound },
                own.lowerBound + slice.lowerBound..<own.lowerBound + slice.upperBound)
        }
        guard let group else { return }
        var messages: [RankGroup.Message] = []
        for other in others {
            messages += try group.receive(buffer.bytes(parts[other]), from: other, .weights)
            messages += try group.send(UnsafeRawBufferPointer(buffer.bytes(own)), to: other, .weights)
        }
        try group.wait(messages, for: "what all become")
    }

    private static func copy(_ source: FloatBuffer, to target: FloatBuffer, _ pool: ThreadPool) {
        slices(source.count, pool) { slice in
            (target.base + slice.lowerBound).update(from: source.base + slice.lowerBound, count: slice.count)
        }
    }

    private static func slices(_ count: Int, _ pool: ThreadPool, _ body: @escaping @Sendable (Range<Int>) -> Void) {
        let size = 1 << 16
        pool.run((count + size - 1) / size) { task, _ in body(task * size..<min((task + 1) * size, count)) }
    }
}

/// What a replica tells all others when they meet.
public struct ReplicaReport: Codable, Sendable {
    /// Steps that it could not learn from, since its gradients were not finite.
    public var skipped: Int
    /// A signal that it has received; 0 for none.
    public var signal: Int32
    public var timing: RankTiming

    func exchanged(_ group: RankGroup) throws -> [ReplicaReport] {
        try group.allGather(try JSONEncoder().encode(self), for: "what replicas report").map {
            try JSONDecoder().decode(ReplicaReport.self, from: $0)
        }
    }
}
