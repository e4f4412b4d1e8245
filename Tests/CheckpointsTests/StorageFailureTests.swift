import Checkpoints
import Foundation
import TestSupport
import Testing

struct StorageFailureTests {
    private func fails(_ plan: FaultySystem.Plan, step: Int = 20, _ check: (CheckpointError) -> Bool) throws {
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let model = Model.small()
        try CheckpointWriter(directory: directory.checkpoints).write(model.contents(step: 10))
        let writer = CheckpointWriter(
            directory: directory.checkpoints, retention: Retention(keepLast: 1), threads: 2, system: FaultySystem(plan))
        for background in [false, true] {
            do {
                if background {
                    try writer.writeInBackground(Model.small(seed: 2).contents(step: step, documents: someDocuments))
                    try writer.finish()
                } else {
                    try writer.write(Model.small(seed: 2).contents(step: step, documents: someDocuments))
                }
                Issue.record("no error")
            } catch let error as CheckpointError {
                #expect(check(error), "\(error)")
                #expect("\(error)".contains(directory.path))
            }
            #expect(directory.names("checkpoints") == ["step-00000010"])
            let copy = model.blank()
            try CheckpointReader(path: directory.checkpoints.path(ofStep: 10)).read(copy.destinations)
            #expect(copy.bytes("weights") == model.bytes("weights"))
        }
        // The error was thrown once; nothing else is wrong with the writer.
        try writer.waitUntilIdle()
    }

    @Test(arguments: [0, 100, 20_000, 50_000]) func diskFullAnywhere(bytes: Int) throws {
        try fails(.init(failWritesAfter: bytes)) { if case .diskFull = $0 { true } else { false } }
    }

    @Test func diskFullIsForeseen() throws {
        try fails(.init(free: 10_000)) {
            if case .diskFull(_, let needed, 10_000) = $0 { needed ?? 0 > 60_000 } else { false }
        }
    }

    @Test func inputOutputError() throws {
        try fails(.init(failWritesAfter: 5000, writeError: EIO)) {
            if case .system("write", _, EIO) = $0 { true } else { false }
        }
        try fails(.init(failSync: true)) { if case .system(_, _, EIO) = $0 { true } else { false } }
        try fails(.init(failRename: true)) { if case .system(_, _, EACCES) = $0 { true } else { false } }
        try fails(.init(failRename: true), step: 10) { if case .system(_, _, EACCES) = $0 { true } else { false } }
    }

    @Test func withoutMemoryForACopyTheTensorsAreWrittenAtOnce() throws {
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let writer = CheckpointWriter(
            directory: directory.checkpoints, retention: .all, threads: 2, system: FaultySystem(.init(failMap: true)))
        let model = Model.small()
        try writer.writeInBackground(model.contents(step: 10, documents: someDocuments))
        // It is there already: nothing has been copied that could be written later.
        #expect(directory.names("checkpoints") == ["step-00000010"])
        let copy = model.blank()
        try CheckpointReader(path: directory.checkpoints.path(ofStep: 10)).read(copy.destinations)
        #expect(copy.bytes("weights") == model.bytes("weights"))
        try writer.finish()
    }

    @Test func shortAndInterruptedWritesAreCompleted() throws {
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let model = Model.small()
        let writer = CheckpointWriter(
            directory: directory.checkpoints, retention: .all, threads: 2,
            system: FaultySystem(.init(shortWrites: 777)))
        let published = try writer.write(model.contents(step: 1, documents: someDocuments))
        try CheckpointReader(path: published.path).verify()
    }

    /// A real device that is always full.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"))) func realFullDevice() throws {
        let descriptor = open("/dev/full", O_WRONLY)
        defer { close(descriptor) }
        let written = [UInt8](repeating: 1, count: 100).withUnsafeBytes { PosixStorageSystem().write(descriptor, $0) }
        #expect(written == -1 && errno == ENOSPC)
        #expect("\(CheckpointError.diskFull(path: "a", neededBytes: 2_000_000, freeBytes: 5))".contains("2.0 MB"))
    }

    @Test func missingAndForbiddenDirectories() throws {
        let directory = try TemporaryFolder()
        let writer = CheckpointWriter(directory: directory.checkpoints)
        #expect(throws: CheckpointError.self) { try writer.write(Model.small().contents(step: 1)) }
        _ = FileManager.default.createFile(atPath: "\(directory.path)/file", contents: nil)
        #expect(throws: CheckpointError.self) {
            try CheckpointDirectory(path: "\(directory.path)/file/checkpoints").prepare()
        }
    }

    @Test func changesAfterTheSnapshotDoNotMatter() throws {
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let model = Model()
        var random = SplitMix64(seed: 1)
        model.add("weights", "w", [1_500_000]) { _ in random.gaussian().bitPattern }
        model.add("first_moments", "w", [1_500_001]) { UInt32($0) }
        let before = model.groups.map { model.bytes($0.name) }
        let writer = CheckpointWriter(directory: directory.checkpoints, retention: .all)
        try writer.writeInBackground(model.contents(step: 1))
        for group in model.groups { for tensor in group.tensors { tensor.memory.update(repeating: 3) } }
        // The second request waits for the first.
        try writer.writeInBackground(model.contents(step: 2))
        #expect(writer.lastPublished?.step == 1)
        #expect(try writer.finish()?.step == 2)
        let copy = model.blank()
        try CheckpointReader(path: directory.checkpoints.path(ofStep: 1)).read(copy.destinations)
        #expect(copy.groups.map { copy.bytes($0.name) } == before)
        try CheckpointReader(path: directory.checkpoints.path(ofStep: 2)).read(copy.destinations)
        #expect(copy.groups.map { copy.bytes($0.name) } == model.groups.map { model.bytes($0.name) })
    }
}
