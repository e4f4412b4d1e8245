import Formatting

/// Why ranks do not come together, or do not stay so.
public enum CommunicationError: Error, Equatable, CustomStringConvertible {
    /// Started by a launcher as one of several, without what connects them.
    case noLibrary(launcher: String, ranks: Int, searched: [String])
    case unusableLibrary(path: String, reason: String)
    case notBuilt(compiler: String, status: Int32, reason: String)
    /// The launcher has started another number of ranks than MPI knows of.
    case otherMPI(library: String, path: String, ranks: Int, launched: Int)
    /// What MPI says.
    case failed(reason: String)
    /// A rank has not been heard of for too long.
    case silent(rank: Int, host: String, seconds: Double, waitingFor: String)
    /// The environment asks for a limit of waits that is none.
    case badPatience(String)
    /// A rank has told why it cannot go on.
    case peerFailed(rank: Int, host: String, reason: String)

    public var description: String {
        switch self {
        case .noLibrary(let launcher, let ranks, let searched):
            """
            \(launcher) has started \(ranks) of this program, which reach one another by MPI, and the library for that is \
            missing. Build it once, on this machine and with the MPI of that launcher (its mpicc must be on the PATH):
              pretrain mpi-library
            It was looked for at \(searched.joined(separator: ", ")). To run each by itself instead: --distributed off
            """
        case .unusableLibrary(let path, let reason):
            "\(path) cannot be used: \(reason). Build it anew: pretrain mpi-library"
        case .notBuilt(let compiler, let status, let reason):
            """
            \(compiler) has failed (status \(status)): \(reason)
            It has to be the compiler of the MPI whose launcher starts the ranks: mpicc of Open MPI (Debian: libopenmpi-dev) or of \
            MPICH (libmpich-dev), or another's with --mpicc
            """
        case .otherMPI(let library, let path, let ranks, let launched):
            """
            the launcher has started \(launched) ranks, and MPI sees \(ranks): \(path) was built for \(library), which is not \
            the launcher's. Build it with the mpicc of the MPI whose launcher it is: pretrain mpi-library --mpicc …
            """
        case .failed(let reason): "MPI: \(reason)"
        case .badPatience(let text):
            "\(RankGroup.Patience.variable) is \(text): seconds after which a rank that is not heard of is given up, from 1 on"
        case .silent(let rank, let host, let seconds, let what):
            """
            rank \(rank) on \(host) has not been heard of for \(DurationFormat.text(seconds)), waiting for \(what): it hangs, or \
            the network does. The last checkpoint is intact; the same command goes on from there
            """
        case .peerFailed(let rank, let host, let reason): "rank \(rank) on \(host): \(reason)"
        }
    }
}
