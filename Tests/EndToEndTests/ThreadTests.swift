import Foundation
import Kernels
import Testing

@Suite struct ThreadTests {
    @Test(arguments: [
        [], ["model.positions=learned", "training.accumulation_steps=2"], ["training.precision=bfloat16"],
    ])
    func threadsDoNotChangeABit(_ settings: [String]) throws {
        let workspace = try Workspace()
        // Seven lanes, so that threads have several and the last one no neighbour; small chunks, so that a lane has several.
        // Nine threads are more than there are lanes and, mostly, processors.
        let settings = settings + ["training.lanes=7", "training.chunk_tokens=64", "training.steps=40"]
        let records = try [1, 2, 3, 9].map { threads in
            try workspace.run("threads-\(threads)", settings, threads: threads)
            return try workspace.record("threads-\(threads)")
        }
        records[1].expectEqual(records[0])
        records[2].expectEqual(records[0])
        records[3].expectEqual(records[0])
        // The comparison can fail: another seed gives other weights.
        try workspace.run("seed", settings + ["training.seed=1"])
        #expect(try workspace.record("seed").weights != records[0].weights)
    }

    @Test("With oneDNN as the back-end neither", .enabled(if: BFloat16Backend.oneDNN.isAvailable))
    func oneDNN() throws {
        let workspace = try Workspace()
        let settings = [
            "training.precision=bfloat16", "training.lanes=7", "training.chunk_tokens=64", "training.steps=20",
        ]
        let environment = ProcessInfo.processInfo.environment.merging(["PRETRAIN_BFLOAT16": "onednn"]) { $1 }
        let records = try [1, 2, 9].map { threads in
            try workspace.run("threads-\(threads)", settings, threads: threads, environment: environment)
            return try workspace.record("threads-\(threads)")
        }
        records[1].expectEqual(records[0])
        records[2].expectEqual(records[0])
        let shown = try workspace.pretrain("checkpoint", "inspect", workspace.checkpoint("threads-1", 20))
        #expect(shown.output.contains("oneDNN"), "\(shown.output)")
    }
}
