import Engine
import Pretraining
import Testing

/// Ranks that all others wait for.
@Suite("Stragglers")
struct StragglerTests {
    private static let hosts = ["one", "two", "three"]

    /// - Parameter computing: seconds of a step, by rank.
    /// - Returns: the warnings of a number of steps, with the steps that they came after.
    private static func warnings(
        _ watch: inout StragglerWatch, steps: Int, _ computing: (Int) -> [Double]
    ) -> [(step: Int, text: String)] {
        var found: [(step: Int, text: String)] = []
        for step in 1...steps {
            let timings = computing(step).map { RankTiming(computing: $0, waiting: 0.1) }
            if let text = watch.warning(timings, hosts: hosts) { found.append((step: step, text: text)) }
        }
        return found
    }

    @Test("A rank that takes longer in fifty steps together is named once, with its host")
    func named() {
        var watch = StragglerWatch()
        let found = Self.warnings(&watch, steps: 200) { _ in [1, 1.1, 1.6] }
        #expect(found.map { $0.step } == [50])
        #expect(found.first?.text.hasPrefix("rank 2 on three takes 1.5 times as long as others") == true)
        // Another one is news again.
        let later = Self.warnings(&watch, steps: 50) { _ in [3, 1, 1] }
        #expect(later.map { $0.step } == [50])
        #expect(later.first?.text.hasPrefix("rank 0 on one takes 3.0 times as long") == true)
    }

    @Test("Single slow steps, small differences and ranks by turns are nothing to speak of")
    func unnamed() {
        let cases: [(Int) -> [Double]] = [
            { $0 == 7 ? [1, 9, 1] : [1, 1, 1] },
            { _ in [1, 1.2, 1.1] },
            { step in (0..<3).map { $0 == step % 3 ? 2 : 1 } },
            { _ in [1] },
        ]
        for computing in cases {
            var watch = StragglerWatch()
            #expect(Self.warnings(&watch, steps: 150, computing).isEmpty)
        }
    }

    @Test("Of two ranks the slower one is named")
    func two() {
        var watch = StragglerWatch()
        let found = Self.warnings(&watch, steps: 50) { _ in [2, 1] }
        #expect(found.first?.text.hasPrefix("rank 0 on one takes 2.0 times as long") == true)
    }
}
