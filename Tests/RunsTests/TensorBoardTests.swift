import Foundation
import Runs
import TestSupport
import Testing

/// The records are those that the tensorboard package writes: `Tools/tensorboard_events.py golden`.
@Suite struct TensorBoardTests {
    @Test func writesWhatTensorBoardWrites() throws {
        let folder = try TemporaryFolder()
        let times = [1700000000.25, 1700000001.5, 1700000002.75]
        let clock = Ticker(times)
        let writer = try TensorBoardWriter(
            directory: folder("tensorboard"), resumingAfter: 300, host: "host.example", now: { clock.next() })
        try writer.append(
            step: 1_000_000,
            scalars: [
                ("train/loss", 7.25), ("long/" + String(repeating: "x", count: 130), -0.1), ("bad", Double.nan),
            ])
        let file = "tensorboard/events.out.tfevents.1700000000.host-example"
        #expect(writer.path == folder(file))
        let expected = [
            """
            18000000 00000000 a37f4b22 09000010 40fc54d9 411a0d62 7261696e 2e457665 6e743a32 338d2fe9
            """,
            """
            10000000 00000000 95fbfe18 09000060 40fc54d9 4110ad02 3a020801 118727df
            """,
            """
            c1000000 00000000 03c17ac8 090000b0 40fc54d9 4110c084 3d2ab101 0a110a0a 74726169 6e2f6c6f 73731500
            00e8400a 8f010a87 016c6f6e 672f7878 78787878 78787878 78787878 78787878 78787878 78787878 78787878
            78787878 78787878 78787878 78787878 78787878 78787878 78787878 78787878 78787878 78787878 78787878
            78787878 78787878 78787878 78787878 78787878 78787878 78787878 78787878 78787878 78787878 78787878
            78787878 78787878 78787878 15cdcccc bd0a0a0a 03626164 150000c0 7f46d92f c9
            """,
        ]
        #expect(try hexadecimal(folder.data(file)) == expected.joined().filter { !$0.isWhitespace })
    }

    @Test func filesOfOneRunSortInTheirOrder() throws {
        let folder = try TemporaryFolder()
        // The clock stands still, then goes back.
        let paths = try [1700.0, 1700, 1600].map { time in
            try TensorBoardWriter(directory: folder.path, resumingAfter: nil, host: "", now: { time }).path
        }
        #expect(paths == paths.sorted())
        #expect(Set(paths).count == 3)
        #expect(paths.first == folder("events.out.tfevents.0000001700.localhost"))
    }

    @Test func saysWhatIsWrongWithTheFolder() throws {
        let folder = try TemporaryFolder()
        try folder.write("", to: "file")
        #expect(throws: MetricsError.self) {
            try TensorBoardWriter(directory: folder("file"), resumingAfter: nil)
        }
    }
}

private func hexadecimal(_ data: Data) -> String {
    data.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// Gives one time after the other, and the last for good; used by one thread.
final class Ticker {
    private var times: [Double]

    init(_ times: [Double]) {
        self.times = times
    }

    func next() -> Double {
        // Naming the file takes the first time, writing its first record takes it again.
        defer { if times.count > 1, asked > 0 { times.removeFirst() } else { asked += 1 } }
        return times[0]
    }

    private var asked = 0
}
