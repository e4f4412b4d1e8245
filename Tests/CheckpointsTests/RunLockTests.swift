import Checkpoints
import Foundation
import TestSupport
import Testing

struct RunLockTests {
    @Test func secondTakerIsToldWhoHoldsIt() throws {
        let directory = try TemporaryFolder()
        var lock: RunLock? = try RunLock(runDirectory: directory.path)
        do {
            _ = try RunLock(runDirectory: directory.path)
            Issue.record("locked twice")
        } catch RunLockError.held(let path, let holder) {
            #expect(path == directory.path)
            #expect(holder?.pid == getpid())
            #expect("\(RunLockError.held(directory: path, holder: holder))".contains("process \(getpid())"))
        }
        #expect(RunLock.isSeenHeld(runDirectory: directory.path))
        withExtendedLifetime(lock) {}
        lock = nil
        lock = try Self.freed(directory)
        lock = nil
        for _ in 0..<500 where RunLock.isSeenHeld(runDirectory: directory.path) { usleep(10_000) }
        #expect(!RunLock.isSeenHeld(runDirectory: directory.path))
        #expect(!RunLock.isSeenHeld(runDirectory: directory("absent")))
    }

    /// Takes a lock that was just given up. A process that another test is about to start has it too until it begins.
    private static func freed(_ directory: TemporaryFolder) throws -> RunLock {
        for _ in 0..<500 {
            do { return try RunLock(runDirectory: directory.path) } catch RunLockError.held { usleep(10_000) }
        }
        return try RunLock(runDirectory: directory.path)
    }

    @Test func staleOrSpoiledFileDoesNotMatter() throws {
        let directory = try TemporaryFolder()
        let path = "\(directory.path)/\(RunLock.fileName)"
        for text in [#"{"pid":1,"host":"elsewhere","started":"2020-01-01T00:00:00Z"}"#, "garbage", ""] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            let lock = try Self.freed(directory)
            let holder = try JSONDecoder().decode(
                RunLock.Holder.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
            #expect(holder.pid == getpid())
            withExtendedLifetime(lock) {}
        }
    }

    /// Another process holds the lock until it is killed.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/flock")))
    func endsWithItsProcess() throws {
        let directory = try TemporaryFolder()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
        // -F: no child, so that killing this process is enough.
        process.arguments = ["-F", "\(directory.path)/\(RunLock.fileName)", "/bin/sleep", "60"]
        try process.run()
        var held = false
        for _ in 0..<500 where !held {
            do {
                _ = try RunLock(runDirectory: directory.path)
                usleep(10_000)
            } catch RunLockError.held {
                held = true
            }
        }
        #expect(held)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        _ = try RunLock(runDirectory: directory.path)
    }

    @Test func missingDirectory() {
        #expect(throws: RunLockError.system(path: "/nonexistent-directory/run.lock", code: ENOENT)) {
            try RunLock(runDirectory: "/nonexistent-directory")
        }
    }
}
