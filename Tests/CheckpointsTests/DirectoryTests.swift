import Checkpoints
import Foundation
import TestSupport
import Testing

struct DirectoryTests {
    @Test(
        arguments: [
            ([100, 200, 300, 400], Retention(keepLast: 2), [300, 400]),
            ([100, 200, 300, 400], Retention(keepLast: 1, keepEvery: 200), [200, 400]),
            ([100, 200, 300, 400, 500], Retention(keepLast: 2, keepEvery: 300), [300, 400, 500]),
            ([0, 5, 10, 15], Retention(keepLast: 1, keepEvery: 10), [0, 10, 15]),
            ([1], Retention(keepLast: 0), [1]),
            ([100, 200, 217, 233], Retention(keepLast: 1, keepLatestOf: 100), [200, 233]),
            ([217, 233], Retention(keepLast: 1, keepLatestOf: 100), [233]),
            ([100, 150, 200, 233], Retention(keepLast: 3, keepLatestOf: 100), [100, 150, 200, 233]),
            ([1, 2, 3], Retention(keepLast: -5, keepEvery: 0), [3]),
            ([], Retention(), []),
            ([4, 1, 3, 2], Retention(keepLast: 3), [2, 3, 4]),
            ([1, 2, 3], Retention.all, [1, 2, 3]),
        ] as [([Int], Retention, [Int])]) func retention(steps: [Int], retention: Retention, expected: [Int])
    {
        #expect(retention.kept(of: steps).keys.sorted() == expected)
    }

    @Test func pruningFollowsTheRetention() throws {
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let model = Model.small()
        let writer = CheckpointWriter(
            directory: directory.checkpoints, retention: Retention(keepLast: 2, keepEvery: 30))
        var pruned: [Int] = []
        for step in stride(from: 10, through: 80, by: 10) {
            try writer.writeInBackground(model.contents(step: step))
            pruned += try #require(try writer.finish()).prunedSteps
        }
        #expect(try directory.checkpoints.entries().map(\.step) == [30, 60, 70, 80])
        #expect(pruned == [10, 20, 40, 50])
        #expect(directory.names("checkpoints").count == 4)
    }

    /// After a fall back to step 5, damaged later checkpoints neither count nor cost the new one its place.
    @Test func damagedCheckpointsDoNotDisplaceGoodOnes() throws {
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let model = Model.small()
        let writer = CheckpointWriter(directory: directory.checkpoints, retention: Retention(keepLast: 1))
        try CheckpointWriter(directory: directory.checkpoints, retention: .all).write(model.contents(step: 5))
        try CheckpointWriter(directory: directory.checkpoints, retention: .all).write(model.contents(step: 90))
        try CheckpointWriter(directory: directory.checkpoints, retention: .all).write(model.contents(step: 99))
        try FileManager.default.removeItem(atPath: directory.checkpoints.path(ofStep: 99) + "/weights.lz4")
        try writer.write(model.contents(step: 6))
        // 99 is damaged and left for its owner to look at; 90 is the newest sound one; 6 was just written.
        #expect(try directory.checkpoints.entries().map(\.step) == [6, 90, 99])
        // Once a newer sound one is there, the damaged one goes like any other.
        #expect(try writer.write(model.contents(step: 100)).prunedSteps == [6, 90, 99])
    }

    @Test func fallsBackAndSaysSo() throws {
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        #expect(throws: CheckpointError.noCheckpoint(path: directory.checkpoints.path)) {
            try directory.checkpoints.loadLatestGood { _ in }
        }
        let writer = CheckpointWriter(directory: directory.checkpoints, retention: .all)
        for step in [1, 2, 3] { try writer.write(Model.small(seed: UInt64(step)).contents(step: step)) }
        let copy = Model.small(seed: 9)
        func load() throws -> (value: Void, entry: CheckpointDirectory.Entry, skipped: [SkippedCheckpoint]) {
            try directory.checkpoints.loadLatestGood { try $0.read(copy.destinations) }
        }
        #expect(try load().entry.step == 3)
        // A flipped bit in the middle of the data, a missing manifest.
        let weights = URL(fileURLWithPath: directory.checkpoints.path(ofStep: 3) + "/weights.lz4")
        var bytes = try Data(contentsOf: weights)
        bytes[bytes.count / 2] ^= 4
        try bytes.write(to: weights)
        try FileManager.default.removeItem(atPath: directory.checkpoints.path(ofStep: 2) + "/manifest.json")
        let loaded = try load()
        #expect(loaded.entry.step == 1)
        #expect(loaded.skipped.map(\.step) == [3, 2])
        #expect(loaded.skipped[0].reason.contains("weights.lz4"))
        #expect(loaded.skipped[1].reason.contains("manifest.json"))
        #expect(copy.bytes("weights") == Model.small(seed: 1).bytes("weights"))
        try FileManager.default.removeItem(atPath: directory.checkpoints.path(ofStep: 1) + "/manifest.json")
        do {
            _ = try load()
            Issue.record("loaded a damaged checkpoint")
        } catch CheckpointError.noGoodCheckpoint(_, let skipped) {
            #expect(skipped.map(\.step) == [3, 2, 1])
        }
        // Another model is no reason to fall back.
        try writer.write(Model.small().contents(step: 4))
        #expect(throws: CheckpointError.self) {
            try directory.checkpoints.loadLatestGood { try $0.read(group: "weights", into: []) }
        }
    }

    @Test func theSameStepAgain() throws {
        let directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        let writer = CheckpointWriter(directory: directory.checkpoints)
        let model = Model.small(seed: 1)
        let first = try writer.write(model.contents(step: 7))
        let manifest = URL(fileURLWithPath: first.path + "/manifest.json")
        let original = try Data(contentsOf: manifest)
        // Equal contents: the existing checkpoint stays, byte for byte.
        try writer.write(model.contents(step: 7))
        #expect(try Data(contentsOf: manifest) == original)
        // Other contents replace it, and so does the same content a damaged one.
        for seed: UInt64 in [2, 2] {
            try writer.write(Model.small(seed: seed).contents(step: 7))
            let copy = model.blank()
            try CheckpointReader(path: first.path).read(copy.destinations)
            #expect(copy.bytes("weights") == Model.small(seed: seed).bytes("weights"))
            #expect(directory.names("checkpoints") == ["step-00000007"])
            try Data([0]).write(to: URL(fileURLWithPath: first.path + "/weights.lz4"))
        }
    }

    @Test func pathsOnTheCommandLine() throws {
        let directory = try TemporaryFolder()
        #expect(throws: CheckpointError.self) { try CheckpointLocation(resolving: directory.path) }
        #expect(throws: CheckpointError.self) { try CheckpointLocation(resolving: directory.path + "/nowhere") }
        try directory.checkpoints.prepare()
        #expect(throws: CheckpointError.self) { try CheckpointLocation(resolving: directory.path).newest() }
        let writer = CheckpointWriter(directory: directory.checkpoints)
        for step in [100_000_000, 99] { try writer.write(Model.small().contents(step: step)) }
        let newest = directory.checkpoints.path(ofStep: 100_000_000)
        for path in [directory.path, directory.path + "/", directory.checkpoints.path, newest, newest + "/"] {
            #expect(try CheckpointLocation(resolving: path).newest() == newest)
        }
        #expect(try CheckpointLocation(resolving: directory.path).paths().count == 2)
    }
}
