import Checkpoints
import Foundation
import TestSupport
import Testing

struct RoundTripTests {
    /// Sizes around blocks of 256 floats, frames of 65,536 and rounds of four frames.
    static let sizes = [0, 1, 3, 255, 256, 257, 1000, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 600_001]

    @Test(arguments: sizes) func bitExact(size: Int) throws {
        var random = SplitMix64(seed: 7)
        let model = Model()
        model.add("weights", "random bits", [size]) { _ in UInt32.random(in: 0 ... .max, using: &random) }
        model.add("weights", "zeros", [size, 1]) { _ in 0 }
        model.add("first_moments", "NaN payloads", [1, size]) { 0x7F80_0001 &+ UInt32($0) | UInt32($0 % 2) << 31 }
        model.add("first_moments", "denormals", [size]) { UInt32($0) | (UInt32($0 % 3 / 2) << 31) }
        model.add("second_moments", "like a trained one", [size]) { _ in random.gaussian().bitPattern }
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let writer = CheckpointWriter(directory: directory.checkpoints, threads: 2)
        let published = try writer.write(
            model.contents(step: 12, documents: someDocuments, metadata: ["preset": "demo"]))
        #expect(published.path == directory.checkpoints.path(ofStep: 12))
        let reader = try CheckpointReader(path: published.path)
        #expect(reader.manifest == published.manifest)
        #expect(reader.manifest.step == 12)
        #expect(reader.manifest.parameters == 2 * size)
        #expect(reader.manifest.metadata == ["preset": "demo"])
        for threads in [1, 2, 5] {
            let copy = model.blank()
            try reader.read(copy.destinations, threads: threads)
            for (name, _) in model.groups { #expect(copy.bytes(name) == model.bytes(name), "\(name)") }
        }
        for document in someDocuments { #expect(try reader.document(document.name) == document.bytes) }
        try reader.verify()
        // A checkpoint is a function of its contents: the same bits however many threads wrote them.
        let again = CheckpointWriter(directory: CheckpointDirectory(path: "\(directory.path)/again"), threads: 1)
        try again.directory.prepare()
        try again.writeInBackground(model.contents(step: 12, documents: someDocuments, metadata: ["preset": "demo"]))
        let second = try #require(try again.finish())
        #expect(second.manifest.files == published.manifest.files)
    }

    /// Snapshots share their memory, one after the other: each checkpoint must still hold what it was given.
    @Test func checkpointsInTheBackgroundOneAfterTheOther() throws {
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let writer = CheckpointWriter(directory: directory.checkpoints, retention: .all)
        let models = (0..<4).map { number in
            let model = Model()
            var random = SplitMix64(seed: UInt64(number))
            // Large enough for huge pages; the third is of another size.
            for group in [TensorGroup.weights, TensorGroup.firstMoments] {
                model.add(group, "w", [number == 2 ? 700_000 : 900_000]) { _ in random.gaussian().bitPattern }
            }
            return model
        }
        for (step, model) in models.enumerated() {
            let given = model.contents(step: step)
            try writer.writeInBackground(given)
            // Training goes on at once, in the tensors that were given.
            for tensor in model.groups.flatMap(\.tensors) { tensor.memory[step] = .nan }
        }
        try writer.finish()
        for (step, model) in models.enumerated() {
            let reader = try CheckpointReader(path: directory.checkpoints.path(ofStep: step))
            let copy = model.blank()
            try reader.read(copy.destinations)
            try reader.verify()
            for (given, read) in zip(model.groups.flatMap(\.tensors), copy.groups.flatMap(\.tensors)) {
                #expect(!read.memory[step].isNaN)
                read.memory[step] = .nan
                #expect(given.memory.map(\.bitPattern) == read.memory.map(\.bitPattern))
            }
        }
    }

    /// The standard tools agree: `lz4` opens every file, `sha256sum` finds every checksum right.
    @Test func standardToolsOpenIt() throws {
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let model = Model()
        var random = SplitMix64(seed: 3)
        model.add("weights", "w", [600_000]) { _ in random.gaussian().bitPattern }
        let writer = CheckpointWriter(directory: directory.checkpoints)
        let published = try writer.write(model.contents(step: 1, documents: someDocuments))
        for file in published.manifest.files {
            guard let status = run("lz4", ["-t", "-q", "\(published.path)/\(file.file)"]) else { return }
            #expect(status == 0, "\(file.file)")
        }
        if let status = run("sha256sum", ["-c", "--quiet", "--strict", "SHA256SUMS"], folder: published.path) {
            #expect(status == 0)
        }
        let decoded = "\(directory.path)/config.yaml"
        #expect(run("lz4", ["-d", "-q", "\(published.path)/config.yaml.lz4", decoded]) == 0)
        #expect(FileManager.default.contents(atPath: decoded) == Data(someDocuments[0].bytes))
    }

    /// Exit status of a tool; nil where it is not installed.
    private func run(_ tool: String, _ arguments: [String], folder: String = "/") -> Int32? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/\(tool)")
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/\(tool)"), (try? process.run()) != nil else {
            return nil
        }
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Sizes that the system writes from our memory, on file systems that do and that do not, and change their mind.
    @Test func directWritesLeaveTheSameBytes() throws {
        var random = SplitMix64(seed: 8)
        let model = Model()
        for group in [TensorGroup.weights, TensorGroup.firstMoments] {
            model.add(group, "w", [540_001]) { _ in random.gaussian().bitPattern }
        }
        let plans: [FaultySystem.Plan] = [
            .init(), .init(refuseDirectAfter: 0), .init(refuseDirectAfter: 1_000_000), .init(shortWrites: 4096 * 5),
            .init(shortWrites: 5000),
        ]
        var files: [CheckpointManifest.File] = []
        for plan in plans {
            let directory = try TemporaryFolder()
            try directory.checkpoints.prepare()
            let system = FaultySystem(plan)
            let writer = CheckpointWriter(
                directory: directory.checkpoints, retention: .all, threads: 2, system: system)
            let published = try writer.write(model.contents(step: 1, documents: someDocuments))
            try CheckpointReader(path: published.path).verify()
            let copy = model.blank()
            try CheckpointReader(path: published.path).read(copy.destinations)
            for (name, _) in model.groups { #expect(copy.bytes(name) == model.bytes(name), "\(name)") }
            if files.isEmpty { files = published.manifest.files }
            #expect(published.manifest.files == files)
            if directory.canWriteDirectly { #expect((system.directWrites > 0) == (plan.refuseDirectAfter != 0)) }
        }
        // What is written at once, four frames, can be written so; what little is left need not be larger for it.
        for file in files.prefix(2) {
            #expect(file.frames.count == 9)
            let ends = file.frames.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.storedBytes) }
            #expect(ends[4] % 4096 == 0 && ends[8] % 4096 == 0 && ends[9] % 4096 != 0, "\(file.file)")
            #expect(file.frames.filter { $0.storedBytes % 4096 == 0 }.count < 4, "\(file.file)")
        }
    }

    /// Noise is not tried, but what only looks like it, with as many ones as zeros, is.
    @Test func repetitionIsFound() throws {
        let model = Model()
        model.add("weights", "constant", [300_000]) { _ in 0x3C5A_A5A5 }
        var random = SplitMix64(seed: 9)
        model.add("first_moments", "rows of zeros", [1200, 256]) { index in
            index / 256 % 4 == 0 ? random.gaussian().bitPattern : 0
        }
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let manifest = try CheckpointWriter(directory: directory.checkpoints).write(model.contents(step: 1)).manifest
        let ratios = manifest.groups.map { Double($0.storage.storedBytes) / Double($0.storage.bytes) }
        #expect(ratios[0] < 0.02 && ratios[1] < 0.35, "\(ratios)")
    }

    @Test func weightsChecksumIsThatOfTheRawWeights() throws {
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let model = Model()
        model.add("weights", "a", [2]) { [0x3F80_0000, 0x4000_0000][$0] }
        model.add("weights", "b", []) { _ in 0x4040_0000 }
        let published = try CheckpointWriter(directory: directory.checkpoints).write(model.contents(step: 0))
        // printf '\0\0\200\077\0\0\0\100\0\0\100\100' | sha256sum
        let checksum = try CheckpointReader(path: published.path).weightsSHA256()
        #expect(checksum == "8e628779e6a74ee0b36991c10158f63cafec7d340ad4e075592502c8708524dd")
    }

    /// Normally distributed stand-ins, which hold less structure than a trained model does; `SpeedTests` measures one.
    @Test func standInsForTrainedTensorsTakeLessThan87Percent() throws {
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let model = Model()
        var random = SplitMix64(seed: 5)
        model.add("weights", "w", [300_000]) { _ in random.gaussian(0.03).bitPattern }
        // A row of moments shares its scale.
        var scale: Float = 1
        for (group, power) in [("first_moments", 1), ("second_moments", 2)] {
            model.add(group, "w", [300_000]) { index in
                if index % 256 == 0 { scale = exp(random.gaussian(1)) * 1e-4 }
                let value = random.gaussian(scale)
                return (power == 1 ? value : value * value).bitPattern
            }
        }
        let manifest = try CheckpointWriter(directory: directory.checkpoints).write(model.contents(step: 1)).manifest
        #expect(Double(manifest.storedBytes) < 0.87 * Double(manifest.bytes))
        #expect(Double(manifest.group("weights")!.storage.storedBytes) < 0.87 * 1_200_000)
    }

    @Test func refusesContentsThatCannotBeStored() throws {
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let writer = CheckpointWriter(directory: directory.checkpoints)
        let model = Model.small()
        var contents = model.contents(step: -1)
        #expect(throws: CheckpointError.self) { try writer.write(contents) }
        contents = model.contents(step: 1)
        contents.groups[0].tensors[1].name = "embedding"
        #expect(throws: CheckpointError.self) { try writer.write(contents) }
        contents = model.contents(step: 1)
        contents.groups[0].tensors[0].shape = [300, 18]
        #expect(throws: CheckpointError.self) { try writer.write(contents) }
        contents = model.contents(step: 1)
        contents.groups[1].name = "weights"
        #expect(throws: CheckpointError.self) { try writer.write(contents) }
        for name in [
            "../config.yaml", "a/b", "", ".hidden", "weights", "a b", "-rf", String(repeating: "x", count: 300),
        ] {
            contents = model.contents(step: 1, documents: [.init(name: name, text: "")])
            #expect(throws: CheckpointError.self, "\(name)") { try writer.write(contents) }
        }
        #expect(directory.names("checkpoints") == [])
    }
}
