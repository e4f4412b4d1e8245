import Machine

extension ThreadPool {
    /// A pool whose threads have room for their stacks and for what OpenBLAS maps for each of them.
    ///
    /// - Throws: `MemoryShortage`, without which OpenBLAS would try for ever to map its work areas; `ThreadShortage`.
    public static func reserving(threadCount: Int) throws -> ThreadPool {
        try reserving(threadCount: threadCount, stackBytes: Kernels.stackBytes)
    }

    package static func reserving(threadCount: Int, stackBytes: Int) throws -> ThreadPool {
        try MachineLimits().check(
            "computing on \(threadCount) threads", bytes: 0, reserved: Kernels.reservedBytes(threads: threadCount),
            advice: "lower --threads")
        let pool = ThreadPool(threadCount: threadCount, stackBytes: stackBytes)
        if let shortage = pool.shortage {
            pool.shutDown()
            throw shortage
        }
        return pool
    }
}

extension Kernels {
    /// Address space that threads take beside what they work on.
    public static func reservedBytes(threads: Int) -> Int {
        let library = ProductLibrary.current
        return threads * stackBytes + min(threads, library.workAreaCount) * library.workAreaBytes
    }

    static let stackBytes = 8 << 20

    /// More are a slip of the pen.
    public static let maximumThreadCount = 1024
}
