import Communication
import Configuration
import Engine

extension RunConfiguration {
    /// Whether the ranks of a run carry every step together, instead of a replica each.
    var sharesSteps: Bool { !training.synchronisation.isLocal }

    /// What the engine of one of several ranks needs of it.
    ///
    /// - Parameter group: nil for a run without others.
    func engine(of group: RankGroup?) -> EngineConfiguration {
        guard !sharesSteps else { return engine }
        return engine.replica(Replica(index: group?.rank ?? 0, count: group?.count ?? 1))
    }

    /// With as many replicas as there are ranks, where nothing else was asked for.
    public func withReplicas(_ ranks: Int) -> RunConfiguration {
        guard !sharesSteps, training.synchronisation.replicas == nil else { return self }
        var result = self
        result.training.synchronisation.replicas = ranks
        return result
    }

    /// Settings that do not go together with replicas that train by themselves.
    func validateSynchronisation() throws {
        let synchronisation = training.synchronisation
        guard synchronisation.isLocal else {
            if synchronisation.replicas != nil {
                throw InvalidSetting(
                    "training.synchronisation.replicas",
                    "is for ranks that meet every few steps; set training.synchronisation.every, or leave it out")
            }
            return
        }
        for (key, value) in [
            ("evaluate_every", training.evaluateEvery), ("checkpoint_every", training.checkpointEvery),
        ]
        where value % synchronisation.every != 0 {
            let lower = value / synchronisation.every * synchronisation.every
            throw InvalidSetting(
                "training.\(key)",
                "\(value) is not a multiple of training.synchronisation.every \(synchronisation.every), and between two "
                    + "exchanges there is no model to look at; use \(lower > 0 ? "\(lower) or " : "")\(lower + synchronisation.every)"
            )
        }
        if training.communication != .float32 {
            throw InvalidSetting(
                "training.communication",
                "bfloat16 is for ranks that exchange every step; leave it out, or training.synchronisation.every")
        }
        if training.spikeDeviations != nil {
            throw InvalidSetting(
                "training.spike_deviations", "is for ranks that take every step together; leave one of the two out")
        }
        guard let replicas = synchronisation.replicas else { return }
        for index in 0...training.stages.count {
            let sequences = configuration(ofStage: index).training.sequencesPerStep
            if sequences % replicas != 0 {
                throw InvalidSetting(
                    "training.synchronisation.replicas",
                    "each replica learns from an equal part of every batch, and \(sequences) sequences cannot be divided by "
                        + "\(replicas); change training.batch_size")
            }
        }
    }

    /// - Parameter ranks: that the run was started with.
    /// - Throws: `PretrainingError.cannotShare` where it has another number of replicas.
    func checkReplicas(_ ranks: Int) throws {
        guard let replicas = training.synchronisation.replicas, replicas != ranks else { return }
        throw PretrainingError.cannotShare(
            ranks: ranks,
            reason:
                "its training.synchronisation.replicas is \(replicas), one a rank. Start as many (mpirun -np \(replicas))"
        )
    }
}
