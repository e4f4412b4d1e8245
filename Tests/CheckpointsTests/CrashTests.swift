import Checkpoints
import Foundation
import TestSupport
import Testing

/// A process that dies in the middle of a write, at every moment that leaves something different behind.
struct CrashTests {
    @Test(arguments: WritePhase.allCases) func previousCheckpointSurvives(phase: WritePhase) throws {
        let directory = try TemporaryFolder()
        let checkpoints = directory.checkpoints
        try checkpoints.prepare()
        let old = Model.small(seed: 1)
        let new = Model.small(seed: 2)
        try CheckpointWriter(directory: checkpoints).write(old.contents(step: 10))
        let system = FaultySystem(.init(crashAt: phase))
        // Step 10 again for the replacement's phases, with other content; a new step for the rest.
        let step = phase == .previousSetAside ? 10 : 20
        let writer = CheckpointWriter(
            directory: checkpoints, retention: Retention(keepLast: 1), threads: 1, system: system)
        _ = try? writer.write(new.contents(step: step))
        #expect(system.phases.last == phase)

        // What a new process does.
        try checkpoints.prepare()
        #expect(
            directory.names("checkpoints").allSatisfy { $0.hasPrefix("step-") }, "\(directory.names("checkpoints"))")
        let copy = old.blank()
        let loaded = try checkpoints.loadLatestGood { reader in try reader.read(copy.destinations) }
        #expect(loaded.skipped.isEmpty)
        let expected = loaded.entry.step == 10 ? old : new
        #expect(copy.bytes("weights") == expected.bytes("weights"))
        if [.temporaryDirectoryCreated, .filesWritten, .directorySynced, .previousSetAside].contains(phase) {
            #expect(loaded.entry.step == 10)
        } else {
            #expect(loaded.entry.step == 20)
        }
        // And the step can be written again.
        try CheckpointWriter(directory: checkpoints).write(new.contents(step: 20))
        #expect(try checkpoints.latest()?.step == 20)
    }

    @Test func leftoversOfLivingProcessesStayUnlessTheLockIsHeld() throws {
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let alive = ".tmp-step-00000005-\(getppid())"
        let dead = ".tmp-step-00000005-2147483646"
        let trash = ".trash-step-00000001-2147483646"
        for name in [alive, dead, trash, ".tmp-notours", "step-7", "notes.txt"] {
            let path = "\(directory.checkpoints.path)/\(name)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            _ = FileManager.default.createFile(atPath: path + "/weights.lz4", contents: Data([1]))
        }
        #expect(try directory.checkpoints.prepare() == [dead, trash].sorted())
        #expect(directory.names("checkpoints") == [".tmp-notours", alive, "notes.txt", "step-7"].sorted())
        #expect(try directory.checkpoints.prepare(exclusive: true) == [alive])
        #expect(try directory.checkpoints.entries().isEmpty)
    }
}
