import ArgumentParser
import Communication
import Foundation

struct MPILibraryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mpi-library",
        abstract: "Builds what connects runs on several machines, with this machine's MPI.",
        discussion: """
            pretrain itself has no MPI in it, as every MPI has a binary interface of its own. This compiles a small library \
            against the one that is here. It is loaded where a launcher starts pretrain as one of several:

              pretrain mpi-library
              mpirun -np 4 --map-by ppr:1:node:PE=32 pretrain run base.yaml
              srun --kill-on-bad-exit=1 --ntasks-per-node=1 --cpus-per-task=32 pretrain run base.yaml

            All ranks need it at the same path, and the text.
            """)

    @Option(help: "The C compiler of the MPI whose launcher starts the ranks.")
    var mpicc = "mpicc"
    @Option(
        help: """
            Where to write it. Default: beside the program or, where that may not be written, under ~/.local/lib/pretrain, where it \
            is found; elsewhere \(MPILibrary.variable) has to name it.
            """,
        completion: .file())
    var output: String?
    @Flag(help: "Print the C file that it is made from, and build nothing.")
    var source = false

    func run() throws {
        if source { return print(MPILibrary.source, terminator: "") }
        let path = try MPILibrary.build(
            compiler: mpicc, output: output, environment: ProcessInfo.processInfo.environment,
            executable: Executable.path)
        print(path)
    }
}
