import Communication
import Corpus
import Engine
import Runs

/// This rank's replica of a model, among others that train by themselves between two exchanges.
final class ReplicaWork {
    private let configuration: SynchronisationConfiguration
    private let replica: Replica
    private let synchronisation: ReplicaSynchronisation
    private let group: RankGroup?
    /// Steps after which all meet whatever their number.
    private let ends: [Int]
    /// Whether all are one model: no step was taken since they met.
    private(set) var haveMet = true
    /// Steps since they met that this one could not learn from.
    var skipped = 0

    /// - Parameters:
    ///   - engine: with what all have met as.
    ///   - group: of all ranks; nil for a single one.
    /// - Returns: nil where ranks exchange every step.
    init?(_ requested: RunConfiguration, _ engine: TrainingEngine, _ group: RankGroup?) {
        configuration = requested.training.synchronisation
        guard configuration.isLocal, let replica = engine.configuration.replica else { return nil }
        self.replica = replica
        self.group = group
        synchronisation = ReplicaSynchronisation(configuration, engine, group)
        var ends = [requested.training.steps]
        for stage in requested.training.stages { ends.append((ends.count == 1 ? 0 : ends.last!) + stage.steps) }
        self.ends = ends
    }

    /// All begin as the first.
    func begin() throws { try synchronisation.distribute() }

    /// This replica's part of a batch.
    func part(of batch: TokenBatch) -> TokenBatch {
        haveMet = false
        return batch.sequences(replica.sequences(of: batch.sequenceCount))
    }

    /// All become one model, if it is time. A signal to one of them is then one to all.
    ///
    /// - Returns: what every replica reports; nil where all go on by themselves.
    func meet(after step: Int) throws -> [ReplicaReport]? {
        guard configuration.isDue(after: step, ends: ends) else {
            try group?.check()
            return nil
        }
        let reports = try synchronisation.synchronise(
            skipped: skipped, signal: TerminationSignals.pending?.rawValue ?? 0)
        (haveMet, skipped) = (true, 0)
        if let signal = reports.map(\.signal).first(where: { $0 != 0 }) { TerminationSignals.note(signal) }
        return reports
    }

    func gather() throws { try synchronisation.gather() }
}
