import Communication
import Testing

/// What launchers leave in the environment.
@Suite("Launchers")
struct LauncherTests {
    @Test("Open MPI, MPICH and Slurm are told by their variables")
    func launchers() {
        let openMPI = Launcher.detect([
            "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
            "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
        ])
        #expect(openMPI?.rank == 3)
        #expect(openMPI?.rankCount == 4 && openMPI?.name == "mpirun of Open MPI")
        #expect(openMPI?.local?.index == 1 && openMPI?.local?.count == 2)
        let hydra = Launcher.detect(["PMI_SIZE": "3", "MPI_LOCALRANKID": "2", "MPI_LOCALNRANKS": "3"])
        #expect(hydra?.rankCount == 3 && hydra?.local?.index == 2)
        let slurm = Launcher.detect([
            "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "11", "SLURM_STEP_TASKS_PER_NODE": "4(x2),3",
            "SLURM_NODEID": "2", "SLURM_LOCALID": "1", "PMI_SIZE": "11",
        ])
        #expect(slurm?.name == "srun" && slurm?.rankCount == 11)
        #expect(slurm?.local?.index == 1 && slurm?.local?.count == 3)
    }

    @Test("Ranks that MPICH's launcher has started within a job of Slurm are MPICH's, whatever srun tells of hosts")
    func hydraInSlurm() {
        let environment = [
            "SLURM_STEP_ID": "3", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_TASKS_PER_NODE": "1(x2)",
            "SLURM_NODEID": "1", "SLURM_LOCALID": "0", "SLURM_PROCID": "1", "PMI_SIZE": "8", "PMI_RANK": "5",
            "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "4",
        ]
        let hydra = Launcher.detect(environment)
        #expect(hydra?.name == "mpiexec" && hydra?.rankCount == 8 && hydra?.rank == 5)
        #expect(hydra?.local?.index == 1 && hydra?.local?.count == 4)
        // As many ranks as hosts.
        let few = ["PMI_SIZE": "2", "PMI_RANK": "0", "MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "1"]
        let single = Launcher.detect(environment.merging(few) { $1 })
        #expect(single?.name == "mpiexec" && single?.rankCount == 2 && single?.rank == 0)
        // Another process manager, which does not tell what is on a host.
        let plain = Launcher.detect(environment.filter { !$0.key.hasPrefix("MPI_") })
        #expect(plain?.rankCount == 8 && plain?.rank == 5 && plain?.local == nil)
        // One rank only, on the first of the hosts.
        #expect(Launcher.detect(environment.merging(["PMI_SIZE": "1", "PMI_RANK": "0"]) { $1 }) == nil)
    }

    @Test("srun is told to end all where one dies, and nobody else is")
    func advice() {
        let slurm = ["SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0"]
        #expect(Launcher.advice(slurm)?.contains("--kill-on-bad-exit=1") == true)
        #expect(Launcher.advice(slurm.merging(["SLURM_KILL_BAD_EXIT": "0"]) { $1 }) != nil)
        #expect(Launcher.advice(slurm.merging(["SLURM_KILL_BAD_EXIT": "1"]) { $1 }) == nil)
        #expect(Launcher.advice(["OMPI_COMM_WORLD_SIZE": "2"]) == nil)
        #expect(Launcher.advice([:]) == nil)
    }

    @Test("A process by itself is not one of several, also within a batch job")
    func alone() {
        #expect(Launcher.detect([:]) == nil)
        #expect(Launcher.detect(["OMPI_COMM_WORLD_SIZE": "1"]) == nil)
        #expect(Launcher.detect(["SLURM_NTASKS": "4", "SLURM_PROCID": "0"]) == nil)
        #expect(Launcher.detect(["PMI_SIZE": "several"]) == nil)
    }

    @Test("What does not fit is not believed")
    func nonsense() {
        let odd = Launcher.detect([
            "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "5", "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
        ])
        #expect(odd?.rankCount == 2 && odd?.local == nil)
    }
}
