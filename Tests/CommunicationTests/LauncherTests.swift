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
