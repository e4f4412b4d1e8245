import Formatting
import Testing

@Suite struct FormatTests {
    @Test(arguments: [
        (0, "0 s"), (0.4, "< 1 s"), (12, "12 s"), (59.6, "1 min 00 s"), (244.6, "4 min 05 s"), (3600, "1 h 00 min"),
        (7983, "2 h 13 min"), (100_000, "1 d 3 h"), (-1, "?"), (.infinity, "?"), (.nan, "?"), (1e300, "?"),
    ])
    func durations(seconds: Double, text: String) {
        #expect(DurationFormat.text(seconds) == text)
    }

    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_300_000_000, "1.3 GB"), (999_949, "999.9 kB"),
        (999_950, "1.0 MB"), (Int.max, "9.2 EB"), (-1500, "-1.5 kB"), (Int.min, "-9.2 EB"),
    ])
    func bytes(count: Int, text: String) {
        #expect(ByteFormat.text(count) == text)
    }

    @Test(arguments: [(950, "950"), (12_500, "12.5 k"), (14_200_000, "14.2 M"), (1_000_000_000, "1.0 G")])
    func counts(count: Int, text: String) {
        #expect(CountFormat.text(count) == text)
    }

    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-123_456, "-123,456")])
    func groups(count: Int, text: String) {
        #expect(CountFormat.grouped(count) == text)
    }
}
