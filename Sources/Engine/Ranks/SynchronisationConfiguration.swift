import Configuration
import Optimization

/// How often the ranks of a run meet, and the outer step that they then take together (DiLoCo, arXiv 2311.08105; with Muon inside:
/// MuLoCo, 2505.23725).
public struct SynchronisationConfiguration: Configurable, Equatable, Sendable {
    public var every = 1
    public var replicas: Int?
    public var outerLearningRate = 0.7
    public var outerMomentum: Double?

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.integer(
            "every", &every, 1...1_000_000,
            "Steps between exchanges of the ranks of a run. 1: every step, with the bits of one machine. More: each trains a replica "
                + "with its part of every batch by itself, then all take the mean, for slow networks; the result depends on "
                + "this and on replicas.")
        try fields.integer(
            "replicas", &replicas, 1...4096,
            "Replicas, one a rank, where they meet every few steps. null: as many as the run is started with, written down then."
        )
        try fields.number(
            "outer_learning_rate", &outerLearningRate, 0.001...10,
            "How far all go from where they met last towards the mean of what they have become; 1: to it.")
        try fields.number(
            "outer_momentum", &outerMomentum, 0...0.999,
            "Decay of the average of such steps; Nesterov's form. null: 0.9, with Muon 0.6.")
    }

    public var uses: [SettingUse] {
        [
            SettingUse(
                "outer_learning_rate", "outer_momentum", isRead: isLocal,
                otherwise: "is for ranks that meet every few steps; every is 1")
        ]
    }

    /// Whether ranks train replicas of their own between exchanges.
    public var isLocal: Bool { every > 1 }

    func momentum(_ kind: OptimizerKind) -> Double { outerMomentum ?? (kind == .muon ? 0.6 : 0.9) }

    /// Whether all meet after a step.
    ///
    /// - Parameter ends: steps after which they meet in any case.
    public func isDue(after step: Int, ends: [Int]) -> Bool { step % every == 0 || ends.contains(step) }
}

/// One of several models that train by themselves between two exchanges.
public struct Replica: Sendable, Equatable {
    public var index: Int
    public var count: Int

    public init(index: Int, count: Int) {
        self.index = index
        self.count = count
    }

    /// Its part of a batch.
    package func sequences(of count: Int) -> Range<Int> { .share(index, of: self.count, count: count) }
}

extension EngineConfiguration {
    /// That of a replica, which learns from its part of every batch as from a batch of its own.
    public func replica(_ replica: Replica) -> EngineConfiguration {
        var result = self
        result.replica = replica
        result.sequencesPerStep = sequencesPerStep / replica.count
        result.lanes = lanes.map { max(1, $0 / replica.count) }
        return result
    }
}
