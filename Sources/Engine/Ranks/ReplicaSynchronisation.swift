import Communication
import Foundation
import Kernels

/// Brings replicas of a model together again that have trained by themselves for some steps.
///
/// What they have become is averaged, and the step from where they met last to there is taken by Nesterov's momentum (DiLoCo, Algorithm 1). The
/// optimizer's moments are averaged too (as in DES-LOC, arXiv 2505.22549), where DiLoCo leaves each replica its own: so what
/// all are after it is one model, which one checkpoint holds. Each rank does so for a part of every buffer, and adds in the order of
/// ranks: all have the same bits.
public final class ReplicaSynchronisation {
    private let group: RankGroup?
    private let configuration: SynchronisationConfiguration
    private let engine: TrainingEngine
    private let momentum: FloatBuffer
    private let learningRate: Float
    private let decay: Float
    /// Weights as all had them when they met last.
    private let anchor: FloatBuffer
    /// What others send of this rank's part.
    private var incoming: [FloatBuffer] = []
    private var startedAt = ContinuousClock.now
    private var waitedBefore = 0.0
    private var sentBefore = 0

    /// - Parameters:
    ///   - engine: of a replica.
    ///   - group: of all of them; nil for a single one.
    public init(_ configuration: SynchronisationConfiguration, _ engine: TrainingEngine, _ group: RankGroup?) {
        guard let momentum = engine.state.outerMomentum else {
            preconditionFailure("an engine that is no replica's has no outer step")
        }
        self.configuration = configuration
        self.engine = engine
        self.group = group
        self.momentum = momentum
        learningRate = Float(configuration.outerLearningRate)
        decay = Float(configuration.momentum(engine.configuration.optimizer.kind))
        anchor = FloatBuffer(count: engine.state.weights.count)
        incoming = parts(anchor.count).enumerated().map { index, _ in
            FloatBuffer(count: index == rank ? 0 : parts(anchor.count)[rank].count)
        }
        anchor.base.update(from: engine.state.weights.base, count: anchor.count)
    }

    private var rank: Int { group?.rank ?? 0 }

    /// The part of a buffer that each rank brings together.
    private func parts(_ count: Int) -> [Range<Int>] {
        let ranks = group?.count ?? 1
        return (0..<ranks).map { count * $0 / ranks..<count * ($0 + 1) / ranks }
    }

    /// Gives everybody what the first rank has. Every rank has to call it, before its first step.
    public func distribute() throws {
        if let group {
            for buffer in [engine.state.weights, momentum] + engine.state.optimizer.map(\.buffer) {
                try group.broadcast(
                    UnsafeMutableRawBufferPointer(start: buffer.base, count: 4 * buffer.count), for: "the weights")
            }
            engine.weightsChanged()
        }
        anchor.base.update(from: engine.state.weights.base, count: anchor.count)
        (startedAt, waitedBefore, sentBefore) = (.now, group?.waitedSeconds ?? 0, group?.sentBytes ?? 0)
    }

    /// Gives the first rank the others' parts of the outer momentum.
    public func gather() throws {
        guard let group else { return }
        let parts = parts(momentum.count)
        if group.leads {
            try group.wait(
                (1..<group.count).flatMap { try group.receive(Self.bytes(momentum, parts[$0]), from: $0, .state) },
                for: "the outer momentum")
        } else {
            try group.wait(
                try group.send(UnsafeRawBufferPointer(Self.bytes(momentum, parts[rank])), to: 0, .state),
                for: "the outer momentum")
        }
    }

    /// How this rank has spent the time since the last exchange.
    private var timing: RankTiming {
        let waited = (group?.waitedSeconds ?? 0) - waitedBefore
        return RankTiming(
            computing: startedAt.duration(to: .now) / .seconds(1) - waited, waiting: waited,
            sent: (group?.sentBytes ?? 0) - sentBefore)
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
        let own = ReplicaReport(skipped: skipped, signal: signal, timing: timing)
        (startedAt, waitedBefore, sentBefore) = (.now, group?.waitedSeconds ?? 0, group?.sentBytes ?? 0)
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
        let parts = parts(buffer.count)
        let own = parts[rank]
        let others = parts.indices.filter { $0 != rank }
        if let group {
            var messages: [RankGroup.Message] = []
            for other in others {
                messages += try group.receive(Self.bytes(incoming[other], 0..<own.count), from: other, .weights)
                messages += try group.send(
                    UnsafeRawBufferPointer(Self.bytes(buffer, parts[other])), to: other, .weights)
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
            messages += try group.receive(Self.bytes(buffer, parts[other]), from: other, .weights)
            messages += try group.send(UnsafeRawBufferPointer(Self.bytes(buffer, own)), to: other, .weights)
        }
        try group.wait(messages, for: "what all become")
    }

    private static func bytes(_ buffer: FloatBuffer, _ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: buffer.base + range.lowerBound, count: 4 * range.count)
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
