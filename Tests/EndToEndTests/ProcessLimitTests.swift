import Foundation
import TestSupport
import Testing

/// Shared servers and batch systems limit what a process may use.
@Suite struct ProcessLimitTests {
    @Test(
        "Too little address space is an error, never a crash or a wait", .disabled(if: Sanitizer.reservesAddresses),
        arguments: [420_000, 500_000, 700_000])
    func addressSpace(_ kilobytes: Int) throws {
        let workspace = try Workspace()
        for command in ["run tiny.yaml --output run", "bench step --steps 1", "config check tiny.yaml"] {
            let outcome = try Program.shell("ulimit -v \(kilobytes); exec \"$PRETRAIN\" \(command)", in: workspace.path)
            #expect(outcome.status == 1 && !outcome.wasKilled, "\(command): \(outcome.status) \(outcome.errors)")
            #expect(outcome.errors.contains("ulimit -v leaves"), "\(outcome.errors)")
        }
    }

    @Test(.disabled(if: Sanitizer.reservesAddresses)) func withRoomARunIsTheSame() throws {
        let workspace = try Workspace()
        let outcome = try Program.shell(
            "ulimit -v 3000000; exec \"$PRETRAIN\" run tiny.yaml --output limited --threads 1 --quiet",
            in: workspace.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        try workspace.run("free")
        try workspace.record("limited").expectEqual(try workspace.record("free"))
    }

    @Test func anAffinityMaskDecidesTheThreads() throws {
        let workspace = try Workspace()
        let outcome = try Program.shell(
            "taskset -c 0 \"$PRETRAIN\" run tiny.yaml --output run --set training.steps=1", in: workspace.path)
        #expect(outcome.status == 0 && outcome.errors.contains(" 1 threads"), "\(outcome.errors)")
    }
}
