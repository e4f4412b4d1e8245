import ArgumentParser
import Communication
import Engine
import Foundation
import Machine
import Pretraining

/// Whether a command is one of several processes that work together.
enum Distribution: String, ExpressibleByArgument, CaseIterable {
    case auto, mpi, off
}

/// The processes that a launcher has started, of which this is one.
struct Ranks {
    let group: RankGroup
    private let launcher: Launcher?

    /// - Returns: nil where this process works alone.
    /// - Throws: `CommunicationError`.
    init?(_ choice: Distribution) throws {
        let environment = ProcessInfo.processInfo.environment
        launcher = Launcher.detect(environment)
        switch choice {
        case .off: return nil
        case .auto: if launcher == nil { return nil }
        case .mpi: break
        }
        let transport: MPITransport
        do {
            guard let path = MPILibrary.path(environment, executable: Executable.path) else {
                throw CommunicationError.noLibrary(
                    launcher: launcher?.name ?? "somebody", ranks: launcher?.rankCount ?? 1,
                    searched: MPILibrary.places(environment, executable: Executable.path))
            }
            transport = try MPITransport(libraryPath: path, expectedRankCount: launcher?.rankCount)
        } catch {
            // What stands in the way of all is said by the first, whose end the launcher makes that of all.
            if launcher?.rank ?? 0 > 0 { sleep(2) }
            throw error
        }
        if transport.rankCount == 1 {
            transport.finish()
            return nil
        }
        group = try RankGroup(transport) { Terminal.note("warning: \($0)") }
    }

    /// Runs what all do together, and parts.
    func together(_ body: (RankGroup) throws -> Void) throws {
        do {
            try body(group)
        } catch {
            let isToTell = !isOthersToTell(error)
            // The others would wait for this rank, and parting waits for them.
            if isToTell, !group.isOver, !group.hasRaised, !group.hasGivenUp, group.lostRank == nil {
                group.raise(.failed(reason: "\(error)"))
            }
            if isToTell, !group.leads {
                Terminal.complain("rank \(group.rank) on \(group.hosts[group.rank]): \(error)")
            }
            part(status: 1)
            if group.leads { throw error }
            // The first rank tells the launcher how it has ended. Another status than 0 would have it killed before. What all have
            // found, or another has told, is said once.
            throw ExitCode.success
        }
        part(status: 0)
    }

    private func isOthersToTell(_ error: any Error) -> Bool {
        switch error {
        case is NonFiniteError, is ExitCode, is CancellationError, CommunicationError.peerFailed: true
        case is PretrainingError: true
        default: false
        }
    }

    /// Ends the connection. Where another rank does not, this one ends all the same.
    private func part(status: Int32) {
        // Without such a thread there is nothing but to wait.
        try? StartedThread.start(stackBytes: 1 << 20) {
            sleep(20)
            _exit(status)
        }
        group.finish()
    }

    /// Threads for each of the ranks of a machine, where they were not given each its own processors.
    ///
    /// - Parameter processors: that this process may use.
    func threads(of processors: Int) -> Int {
        guard let local = launcher?.local, local.count > 1 else { return processors }
        let all = ProcessInfo.processInfo.activeProcessorCount
        guard processors >= all else {
            if processors * local.count < all, group.leads {
                Terminal.note(
                    """
                    warning: the launcher has given each rank \(processors) of \(all) processors; \
                    \(all - processors * local.count) do nothing. With Open MPI: --map-by ppr:\(local.count):node:PE=\
                    \(all / local.count), or --bind-to none; with srun: --cpus-per-task=\(all / local.count)
                    """)
            }
            return processors
        }
        return max(1, processors / local.count)
    }
}
