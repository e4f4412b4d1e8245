/// Who has started this process as one of several, by what it has left in the environment.
public struct Launcher: Sendable, Equatable {
    /// For people.
    public let name: String
    /// Processes that it has started.
    public let rankCount: Int
    /// Which of them this is.
    public let rank: Int
    /// Of these on this machine, and which of them this is; nil where it does not tell.
    public let local: (index: Int, count: Int)?

    public static func == (a: Launcher, b: Launcher) -> Bool {
        a.name == b.name && a.rankCount == b.rankCount && a.rank == b.rank && a.local?.index == b.local?.index
            && a.local?.count == b.local?.count
    }

    /// Of this process; nil where it was started by itself, or as the only one.
    public static func detect(_ environment: [String: String]) -> Launcher? {
        func number(_ name: String) -> Int? { environment[name].flatMap { Int($0) } }
        func local(_ index: String, _ count: String) -> (index: Int, count: Int)? {
            guard let index = number(index), let count = number(count), 0..<count ~= index else { return nil }
            return (index, count)
        }
        if let count = number("OMPI_COMM_WORLD_SIZE") {
            return Launcher(
                name: "mpirun of Open MPI", rankCount: count, rank: number("OMPI_COMM_WORLD_RANK") ?? 0,
                local: local("OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE")
            ).ifSeveral
        }
        let tasks = environment["SLURM_STEP_ID"].flatMap { _ in number("SLURM_STEP_NUM_TASKS") }
        // In a job of Slurm, Hydra starts a process a host by srun, and ranks inherit its variables. srun itself may set
        // PMI_SIZE too, but then both are of the same processes.
        if let count = number("PMI_SIZE"), environment["MPI_LOCALNRANKS"] != nil || count != tasks {
            return Launcher(
                name: "mpiexec", rankCount: count, rank: number("PMI_RANK") ?? 0,
                local: local("MPI_LOCALRANKID", "MPI_LOCALNRANKS")
            ).ifSeveral
        }
        // srun alone sets these: those of a batch job as a whole are there for the first process of its script too.
        if let count = tasks {
            // "4(x2),3": tasks of each node, of which SLURM_NODEID is one.
            let tasks = tasksPerNode(environment["SLURM_STEP_TASKS_PER_NODE"] ?? "")
            var place: (index: Int, count: Int)?
            if let node = number("SLURM_NODEID"), let index = number("SLURM_LOCALID"), tasks.indices.contains(node),
                index < tasks[node]
            {
                place = (index, tasks[node])
            }
            return Launcher(name: slurm, rankCount: count, rank: number("SLURM_PROCID") ?? 0, local: place).ifSeveral
        }
        return nil
    }

    /// What to change about how this process was started, if anything.
    public static func advice(_ environment: [String: String]) -> String? {
        guard detect(environment)?.name == slurm, environment["SLURM_KILL_BAD_EXIT"] != "1" else { return nil }
        return """
            srun leaves ranks alone when one of them dies, unless it was told --kill-on-bad-exit=1, which cannot be seen \
            from here. SLURM_KILL_BAD_EXIT=1 in its environment does the same, without this warning
            """
    }

    private static let slurm = "srun"

    private var ifSeveral: Launcher? { rankCount > 1 ? self : nil }

    /// Slurm's list of tasks a node, such as "4(x2),3": [4, 4, 3].
    static func tasksPerNode(_ text: String) -> [Int] {
        text.split(separator: ",").flatMap { part -> [Int] in
            let numbers = part.split(whereSeparator: { "(x)".contains($0) }).compactMap { Int($0) }
            guard let count = numbers.first else { return [] }
            return [Int](repeating: count, count: min(1 << 16, numbers.count > 1 ? numbers[1] : 1))
        }
    }
}
