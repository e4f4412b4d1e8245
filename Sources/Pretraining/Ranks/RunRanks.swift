import Communication
import Corpus
import Engine
import Foundation
import Kernels

/// The ranks of a run, and what this one was asked for.
public struct RunRanks {
    public let group: RankGroup
    /// The configuration as it was asked for, before anything was measured: all ranks must have been asked for the same.
    public let written: RunConfiguration

    public init(_ group: RankGroup, written: RunConfiguration) {
        self.group = group
        self.written = written
    }

    /// What cannot be shared out, found before anything begins.
    ///
    /// - Throws: `PretrainingError.cannotShare`.
    func check(_ configuration: RunConfiguration) throws {
        let engine = configuration.engine
        func refuse(_ reason: String) -> PretrainingError { .cannotShare(ranks: group.count, reason: reason) }
        if configuration.objective.frozenGenerator.cache != nil {
            throw refuse("objective.frozen_generator.cache keeps what one machine has sampled; leave it out")
        }
        guard configuration.sharesSteps else { return }
        if engine.dividesSequences {
            throw refuse(
                "sequences longer than training.chunk_tokens are carried by all lanes together. Raise training.chunk_tokens to "
                    + "corpus.sequence_length or shorten sequences")
        }
        for stage in 0...configuration.training.stages.count {
            let lanes = configuration.configuration(ofStage: stage).engine.laneCount
            if lanes < group.count {
                throw refuse(
                    "each carries whole lanes of the batch, of which there are \(lanes). Start fewer, or set training.lanes (a power of "
                        + "two times the ranks is best)")
            }
        }
    }
}

extension RunRanks {
    /// Tells the others what the run begins with, and makes sure that they are fit for it.
    ///
    /// - Throws: `PretrainingError.rankDiffers`, on all ranks.
    func share(_ start: RunStart, _ configuration: RunConfiguration) throws {
        let shared = try SharedStart(start, configuration, written: written)
        _ = try group.broadcast(try JSONEncoder().encode(shared), for: "what the run begins with")
        try agree(nil)
        try start.engine.distributeState()
    }

    /// What the first rank tells.
    func receive(pool: ThreadPool) throws -> (RunStart, RunConfiguration) {
        // It may be training a tokenizer.
        let data = try group.broadcast(Data(), for: "what the run begins with", isLimited: false)
        var result: (RunStart, RunConfiguration)?
        do {
            let shared = try JSONDecoder().decode(SharedStart.self, from: data)
            let configuration = try shared.configuration(for: written)
            if let difference = try SharedStart.Program.current(configuration).difference(from: shared.program) {
                throw RankDifference(reason: difference)
            }
            let start = try RunStart(shared, configuration, ranks: group, pool: pool)
            try shared.fingerprint.verify(against: start.listing)
            result = (start, configuration)
        } catch {
            try agree("\(error)")
        }
        try agree(nil)
        guard let result else { preconditionFailure("a rank went on that cannot take part") }
        try result.0.engine.distributeState()
        return result
    }

    /// - Parameter problem: of this rank.
    /// - Throws: `PretrainingError.rankDiffers` for the first that has one.
    private func agree(_ problem: String?) throws {
        let all = try group.allGather(Data((problem ?? "").utf8), for: "whether all ranks are fit for the run")
        guard let rank = all.firstIndex(where: { !$0.isEmpty }) else { return }
        throw PretrainingError.rankDiffers(
            rank: rank, host: group.hosts[rank], reason: String(decoding: all[rank], as: UTF8.self))
    }
}
