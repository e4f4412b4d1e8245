import Foundation
import Kernels
import Testing

/// What OpenBLAS chooses is that of 0.3.21, read in its `driver/others/dynamic.c`, with what it does for models that it does
/// not know: by features, but for Intel's models from 0xB0 on, which become Prescott.
@Suite("Kernels of OpenBLAS by processor")
struct OpenBLASKernelsTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var vendor: String
        var family: Int
        var model: Int
        var instructions: Processor.Instructions
        var chosen: String
        var better: [String]

        init(
            _ name: String, _ vendor: String, _ family: Int, _ model: Int, _ instructions: Processor.Instructions,
            chosen: String, better: [String] = []
        ) {
            (self.name, self.vendor, self.family, self.model) = (name, vendor, family, model)
            (self.instructions, self.chosen, self.better) = (instructions, chosen, better)
        }

        var testDescription: String { name }
        var processor: Processor {
            Processor(vendor: vendor, family: family, model: model, instructions: instructions)
        }
    }

    static let intel = "GenuineIntel"
    static let amd = "AuthenticAMD"
    static let widest = ["SkylakeX", "Haswell", "Sandybridge"]

    static let cases: [Case] = [
        .init("Nehalem", intel, 6, 0x1A, .sse, chosen: "Nehalem"),
        .init("Westmere", intel, 6, 0x2C, .sse, chosen: "Nehalem"),
        .init("Sandy Bridge", intel, 6, 0x2D, .avx, chosen: "Sandybridge"),
        .init("Sandy Bridge, a system without AVX", intel, 6, 0x2D, .sse, chosen: "Nehalem"),
        .init("Ivy Bridge", intel, 6, 0x3E, .avx, chosen: "Sandybridge"),
        .init("Haswell", intel, 6, 0x3F, .avx2, chosen: "Haswell"),
        .init("Broadwell", intel, 6, 0x4F, .avx2, chosen: "Haswell"),
        .init("Skylake, client", intel, 6, 0x5E, .avx2, chosen: "Haswell"),
        .init("Skylake, server", intel, 6, 0x55, .avx512, chosen: "SkylakeX"),
        .init("Cooper Lake", intel, 6, 0x55, .avx512, chosen: "Cooperlake"),
        .init("Skylake, server, AVX-512 masked by a hypervisor", intel, 6, 0x55, .avx2, chosen: "Haswell"),
        .init("Knights Landing", intel, 6, 0x57, .avx2, chosen: "Haswell"),
        .init("Cannon Lake", intel, 6, 0x66, .avx512, chosen: "Haswell", better: ["SkylakeX"]),
        .init("Ice Lake, server", intel, 6, 0x6A, .avx512, chosen: "SkylakeX"),
        .init("Tiger Lake", intel, 6, 0x8C, .avx512, chosen: "SkylakeX"),
        .init("Rocket Lake", intel, 6, 0xA7, .avx512, chosen: "SkylakeX"),
        .init("Sapphire Rapids, 0.3.21", intel, 6, 0x8F, .avx512, chosen: "Cooperlake"),
        .init("Sapphire Rapids, later", intel, 6, 0x8F, .avx512, chosen: "SapphireRapids"),
        .init("Alder Lake", intel, 6, 0x97, .avx2, chosen: "Haswell"),
        .init("Raptor Lake", intel, 6, 0xB7, .avx2, chosen: "Prescott", better: ["Haswell", "Sandybridge"]),
        .init("Lunar Lake", intel, 6, 0xBD, .avx2, chosen: "Prescott", better: ["Haswell", "Sandybridge"]),
        .init(
            "Alder Lake-N (Gracemont)", intel, 6, 0xBE, .avx2, chosen: "Prescott", better: ["Haswell", "Sandybridge"]),
        .init("Emerald Rapids", intel, 6, 0xCF, .avx512, chosen: "Prescott", better: widest),
        .init("Granite Rapids, 0.3.21", intel, 6, 0xAD, .avx512, chosen: "Cooperlake"),
        .init("Granite Rapids, before 0.3.19", intel, 6, 0xAD, .avx512, chosen: "Prescott", better: widest),
        .init("Sierra Forest", intel, 6, 0xAF, .avx2, chosen: "Haswell"),
        .init("Bonnell (Atom)", intel, 6, 0x1C, .sse, chosen: "Atom"),
        .init("Silvermont (Atom)", intel, 6, 0x37, .sse, chosen: "Atom"),
        .init("Goldmont (Atom)", intel, 6, 0x5C, .sse, chosen: "Nehalem"),
        .init("Tremont (Atom)", intel, 6, 0x9C, .sse, chosen: "Prescott"),
        .init("Intel, family 19, unknown", intel, 19, 0x01, .avx512, chosen: "Cooperlake"),
        .init("Barcelona", amd, 0x10, 0x02, .sse, chosen: "Barcelona"),
        .init("Jaguar", amd, 0x16, 0x00, .avx, chosen: "Bobcat", better: ["Sandybridge"]),
        .init("Bulldozer", amd, 0x15, 0x01, .avx, chosen: "Bulldozer"),
        .init("Piledriver", amd, 0x15, 0x02, .avx, chosen: "Piledriver"),
        .init("Steamroller", amd, 0x15, 0x30, .avx, chosen: "Steamroller"),
        .init("Excavator", amd, 0x15, 0x60, .avx2, chosen: "Excavator"),
        .init("Excavator (Stoney Ridge)", amd, 0x15, 0x70, .avx2, chosen: "Haswell"),
        .init("Zen 1", amd, 0x17, 0x01, .avx2, chosen: "Zen"),
        .init("Zen 2", amd, 0x17, 0x31, .avx2, chosen: "Zen"),
        .init("Zen 3", amd, 0x19, 0x01, .avx2, chosen: "Zen"),
        .init("Zen 4", amd, 0x19, 0x11, .avx512, chosen: "Cooperlake", better: ["Haswell"]),
        .init("Zen 4, OpenBLAS without bfloat16", amd, 0x19, 0x11, .avx512, chosen: "SkylakeX", better: ["Haswell"]),
        .init("Zen 4, after starting over", amd, 0x19, 0x11, .avx512, chosen: "Haswell"),
        .init(
            "Zen 4, unknown to OpenBLAS", amd, 0x19, 0x11, .avx512, chosen: "Prescott",
            better: ["Haswell", "Sandybridge"]),
        .init("Zen 5", amd, 0x1A, 0x02, .avx512, chosen: "Cooperlake"),
        .init("Zen 5, before 0.3.19", amd, 0x1A, 0x02, .avx512, chosen: "Prescott", better: widest),
        .init("Zen 5, AVX-512 off in the firmware", amd, 0x1A, 0x02, .avx2, chosen: "Haswell"),
        .init("Dhyana", "HygonGenuine", 0x18, 0x00, .avx2, chosen: "Zen"),
        .init("KX-5000", "  Shanghai  ", 7, 0x1B, .avx, chosen: "Nehalem", better: ["Sandybridge"]),
        .init("unknown maker", "SomeoneElses", 9, 1, .avx512, chosen: "Prescott", better: widest),
        .init("names after this list are left alone", intel, 6, 0xFF, .avx512, chosen: "DiamondRapids"),
        .init("other architectures are left alone", "", 0, 0, .sse, chosen: "neoversen1"),
    ]

    @Test(arguments: cases) func choice(_ c: Case) {
        #expect(OpenBLASKernels.better(than: c.chosen, on: c.processor) == c.better)
        // What is asked for is the end of it.
        for name in c.better.prefix(1) { #expect(OpenBLASKernels.better(than: name, on: c.processor).isEmpty) }
    }

    @Test("This processor is what the system says it is") func thisProcessor() throws {
        guard let text = FileManager.default.contents(atPath: "/proc/cpuinfo") else { return }
        var fields: [String: String] = [:]
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            if parts.count == 2, fields[parts[0]] == nil { fields[parts[0]] = parts[1] }
        }
        guard let vendor = fields["vendor_id"], let flags = fields["flags"]?.split(separator: " ") else { return }
        let processor = Processor.current
        #expect(processor.vendor == vendor)
        #expect(processor.family == Int(try #require(fields["cpu family"])))
        #expect(processor.model == Int(try #require(fields["model"])))
        func has(_ names: Substring...) -> Bool { names.allSatisfy(flags.contains) }
        let expected: Processor.Instructions =
            has("avx2", "fma", "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl")
            ? .avx512 : has("avx2", "fma") ? .avx2 : has("avx") ? .avx : .sse
        #expect(processor.instructions == expected)
    }
}

@Suite("Starting over for OpenBLAS")
struct OpenBLASChoiceTests {
    static let emeraldRapids = Processor(vendor: "GenuineIntel", family: 6, model: 0xCF, instructions: .avx512)
    static let debian = OpenBLASBuild(
        configuration: "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY Prescott MAX_THREADS=64", parallel: 1)

    private func variables(
        _ environment: [String: String] = [:], chosen: String = "Prescott", build: OpenBLASBuild = debian,
        processor: Processor = emeraldRapids, started: Int = 64, processors: Int = 64
    ) -> [String: String] {
        OpenBLASChoice(
            environment: environment, chosen: chosen, build: build, processor: processor, startedThreads: started,
            processors: processors
        ).variables
    }

    @Test("Asks for the best kernels, then for the next, then gives up") func search() {
        var environment: [String: String] = [:]
        var asked: [String?] = []
        while asked.count < 9 {
            let found = variables(environment)
            if found.isEmpty { break }
            asked.append(found["OPENBLAS_CORETYPE"])
            environment.merge(found) { $1 }
        }
        #expect(asked == ["SkylakeX", "Haswell", "Sandybridge"])
        #expect(environment["OPENBLAS_NUM_THREADS"] == "1")
    }

    @Test("Is content with what it asked for") func content() {
        let first = variables()
        #expect(first["OPENBLAS_CORETYPE"] == "SkylakeX")
        #expect(variables(first, chosen: "SkylakeX").isEmpty)
    }

    @Test("Leaves what people set as it is") func people() {
        #expect(variables(["OPENBLAS_CORETYPE": "Nehalem"], chosen: "Nehalem").isEmpty)
        #expect(variables(["OPENBLAS_NUM_THREADS": "4"])["OPENBLAS_NUM_THREADS"] == nil)
        // A record of an earlier program, under which somebody has chosen otherwise.
        let later = ["OPENBLAS_CORETYPE": "Nehalem", "PRETRAIN_OPENBLAS_CORETYPES": "Prescott,SkylakeX"]
        #expect(variables(later, chosen: "Nehalem").isEmpty)
    }

    @Test("Does not ask a library that has kernels for one processor alone") func fixed() {
        let build = OpenBLASBuild(configuration: "OpenBLAS 0.3.21 NO_AFFINITY PRESCOTT MAX_THREADS=64", parallel: 1)
        #expect(variables(build: build).isEmpty)
    }

    @Test("Takes back the work areas of OpenBLAS's own threads where they are missed") func workAreas() {
        #expect(variables(chosen: "SkylakeX", started: 64, processors: 64).isEmpty)
        #expect(
            variables(chosen: "SkylakeX", started: 64, processors: 96) == ["OPENBLAS_NUM_THREADS": "1"])
        #expect(variables(["OPENBLAS_NUM_THREADS": "64"], chosen: "SkylakeX", started: 64, processors: 96).isEmpty)
        #expect(variables(["OPENBLAS_NUM_THREADS": "1"], chosen: "SkylakeX", started: 1, processors: 192).isEmpty)
    }

    @Test("Reads how a library was built") func build() {
        #expect(Self.debian.threading == .own && Self.debian.choosesKernels && Self.debian.version == "0.3.21")
        let serial = OpenBLASBuild(configuration: "OpenBLAS 0.3.21 DYNAMIC_ARCH Haswell SINGLE_THREADED", parallel: 0)
        #expect(serial.threading == .none)
        let openMP = OpenBLASBuild(
            configuration: "OpenBLAS 0.3.21 DYNAMIC_ARCH USE_OPENMP Haswell MAX_THREADS=64", parallel: 2)
        #expect(openMP.threading == .openMP)
    }
}
