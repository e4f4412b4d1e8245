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

    @Test func histogramsTextsAndSettingsAreThoseOfTensorBoard() throws {
        let folder = try TemporaryFolder()
        let clock = Ticker([0, 1700000000.5, 1700000001.5, 1700000002.5, 1700000002.5, 1700000003.5, 1700000003.5])
        let writer = try TensorBoardWriter(directory: folder.path, resumingAfter: nil, host: "h", now: { clock.next() })
        let before = try folder.data((writer.path as NSString).lastPathComponent).count
        var histogram = ValueHistogram()
        [Float](arrayLiteral: 1, 1, 1.5).withUnsafeBufferPointer { histogram.add($0) }
        try writer.append(step: 7, histograms: [("weights/a", histogram)])
        try writer.append(step: 8, scalars: [], texts: [("samples/1", "**a** ü")])
        try writer.start([Hyperparameter(name: "rate", value: .number(0.001))])
        try writer.end(isSuccess: true)
        let expected = [
            """
            8e000000 00000000 c67db152 09000020 40fc54d9 4110072a 80010a7e 0a097765 69676874 732f612a 71090000
            00000000 f03f1100 00000000 00f83f19 00000000 00000840 21000000 0000000c 40290000 00000000 11403220
            00000000 0000f03f 00000000 0000f43f 00000000 0000f83f 00000000 0000fc3f 3a200000 00000000 00000000
            00000000 00400000 00000000 00000000 00000000 f03fe60f 6e27
            """,
            """
            3a000000 00000000 1295eae2 09000060 40fc54d9 4110082a 2d0a2b0a 0973616d 706c6573 2f314212 08071204
            12020801 42082a2a 612a2a20 c3bc4a0a 0a060a04 74657874 20022085 ae8b
            """,
            """
            5c000000 00000000 c9cdf98f 090000a0 40fc54d9 412a510a 4f0a1c5f 68706172 616d735f 2f736573 73696f6e
            5f737461 72745f69 6e666f42 0208014a 2b0a290a 07687061 72616d73 121e1a1c 0a110a04 72617465 120911fc
            a9f1d24d 62503f29 0000a040 fc54d941 0b248177
            """,
            """
            49000000 00000000 36250ea3 090000e0 40fc54d9 412a3e0a 3c0a1a5f 68706172 616d735f 2f736573 73696f6e
            5f656e64 5f696e66 6f420208 014a1a0a 180a0768 70617261 6d73120d 220b0801 110000e0 40fc54d9 410dbb80
            37
            """,
        ]
        let written = try folder.data((writer.path as NSString).lastPathComponent).dropFirst(before)
        #expect(hexadecimal(Data(written)) == expected.joined().filter { !$0.isWhitespace })
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

    /// A run that was killed before its first checkpoint begins anew: what it had shown is forgotten.
    @Test func whatABeginningHasShownIsForgottenByTheNext() throws {
        let folder = try TemporaryFolder()
        func write(_ step: Int?, time: Double, _ steps: ClosedRange<Int>) throws -> TensorBoardHistory {
            let writer = try TensorBoardWriter(directory: folder.path, resumingAfter: step, host: "h", now: { time })
            for step in steps { try writer.append(step: step, scalars: [("loss", 1)]) }
            return TensorBoardHistory(directory: folder.path)
        }
        let first = try write(nil, time: 1700, 1...4)
        #expect(first.shows("loss", step: 4) && !first.shows("loss", step: 5) && !first.shows("other", step: 4))
        let anew = try write(nil, time: 1701, 1...2)
        #expect(anew.shows("loss", step: 2) && !anew.shows("loss", step: 3))
        let resumed = try write(1, time: 1702, 2...2)
        #expect(resumed.shows("loss", step: 1) && resumed.shows("loss", step: 2))
        // A torn record is where reading a file ends, and the next file goes on.
        let name = folder.names()[2]
        try folder.write(folder.data(name).dropLast(), to: name)
        #expect(resumed.shows("loss", step: 1) && !resumed.shows("loss", step: 2))
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
