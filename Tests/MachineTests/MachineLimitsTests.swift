import Machine
import TestSupport
import Testing

@Suite struct MachineLimitsTests {
    private let gigabyte = 1 << 30

    private func limits(
        _ folder: TemporaryFolder, addressSpace: Int? = nil, data: Int? = nil,
        used: (addressSpace: Int, data: Int) = (0, 0)
    ) -> MachineLimits {
        MachineLimits(
            root: folder.path, physicalBytes: 64 * gigabyte, affinity: 16, addressSpace: addressSpace, data: data,
            used: used)
    }

    @Test func theTightestGroupOfVersionTwoCounts() throws {
        let folder = try TemporaryFolder()
        try folder.write("0::/batch/job/step\n", to: "proc/self/cgroup")
        try folder.write(
            "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
            to: "proc/self/mountinfo")
        try folder.write("max\n", to: "sys/fs/cgroup/batch/job/step/memory.max")
        try folder.write("8589934592\n", to: "sys/fs/cgroup/batch/job/memory.max")
        try folder.write("17179869184\n", to: "sys/fs/cgroup/batch/memory.max")
        try folder.write("max 100000\n", to: "sys/fs/cgroup/batch/job/cpu.max")
        try folder.write("250000 100000\n", to: "sys/fs/cgroup/batch/cpu.max")
        let found = limits(folder)
        #expect(found.resident.bytes == 8 * gigabyte)
        #expect(found.resident.source.contains("/sys/fs/cgroup/batch/job/memory.max"))
        // Two and a half processors' worth of time keep three threads busy most of the time.
        #expect(found.processors == 3)
    }

    @Test func versionOneInAContainer() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n", to: "proc/self/cgroup")
        try folder.write(
            """
            31 23 0:27 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
            32 23 0:28 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct

            """, to: "proc/self/mountinfo")
        try folder.write("2147483648\n", to: "sys/fs/cgroup/memory/memory.limit_in_bytes")
        try folder.write("100000\n", to: "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us")
        try folder.write("50000\n", to: "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us")
        let found = limits(folder)
        #expect(found.resident.bytes == 2 * gigabyte && found.processors == 1)
    }

    @Test func withoutLimitsItIsTheMachine() throws {
        let folder = try TemporaryFolder()
        #expect(limits(folder).resident.bytes == 64 * gigabyte)
        try folder.write("5:memory:/\n4:cpu:/\n", to: "proc/self/cgroup")
        try folder.write(
            "31 23 0:27 / /mem ro - cgroup cgroup rw,memory\n32 23 0:28 / /cpu ro - cgroup cgroup rw,cpu\n",
            to: "proc/self/mountinfo")
        try folder.write("9223372036854771712\n", to: "mem/memory.limit_in_bytes")
        try folder.write("-1\n", to: "cpu/cpu.cfs_quota_us")
        try folder.write("100000\n", to: "cpu/cpu.cfs_period_us")
        let found = limits(folder)
        #expect(found.resident.bytes == 64 * gigabyte && found.processors == 16 && found.mappable == nil)
        #expect(found.resident.source == "this machine has")
    }

    @Test func addressSpaceAndDataOfTheProcess() throws {
        let folder = try TemporaryFolder()
        let found = limits(
            folder, addressSpace: 4 * gigabyte, data: 2 * gigabyte, used: (addressSpace: gigabyte, data: gigabyte / 2))
        #expect(found.mappable?.bytes == 3 * gigabyte / 2 && found.mappable?.source == "ulimit -d leaves")
        #expect(throws: Never.self) { try found.check("it", bytes: gigabyte, reserved: gigabyte / 4, advice: "") }
        let shortage = #expect(throws: MemoryShortage.self) {
            try found.check("it", bytes: gigabyte, reserved: gigabyte, advice: "do less")
        }
        #expect(shortage?.needed == 2 * gigabyte)
        #expect("\(shortage.map { "\($0)" } ?? "")".contains("raise the limit"))
        #expect(throws: MemoryShortage.self) { try found.check("it", bytes: Int.max, reserved: 1, advice: "") }
        #expect(MachineLimits().processors >= 1 && MachineLimits().resident.bytes > 1 << 28)
    }
}
