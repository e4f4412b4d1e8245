import Machine
import TestSupport
import Testing

@Suite struct EnergyMeterTests {
    @Test func packagesAreSummedAndCountersGoRound() throws {
        let folder = try TemporaryFolder()
        func set(_ package: Int, _ microjoules: Int) throws {
            let name = "sys/class/powercap/intel-rapl:\(package)"
            try folder.write("\(microjoules)\n", to: "\(name)/energy_uj")
            try folder.write("1000000\n", to: "\(name)/max_energy_range_uj")
        }
        try set(0, 900_000)
        try set(1, 5)
        // A part of a package, which counts with it.
        try folder.write("7\n", to: "sys/class/powercap/intel-rapl:0:0/energy_uj")
        try folder.write("9\n", to: "sys/class/powercap/intel-rapl:0:0/max_energy_range_uj")
        // All of the machine, the packages included.
        try folder.write("psys\n", to: "sys/class/powercap/intel-rapl:2/name")
        try folder.write("package-0\n", to: "sys/class/powercap/intel-rapl:0/name")
        try set(2, 3)
        var meter = try #require(EnergyMeter(root: folder.path))
        #expect(meter.joules() == 0)
        try set(0, 100_000)
        try set(1, 500_005)
        try set(2, 900_000)
        #expect(abs(meter.joules() - 0.7) < 1e-12)
        #expect(EnergyMeter(root: folder("absent")) == nil)
    }
}
