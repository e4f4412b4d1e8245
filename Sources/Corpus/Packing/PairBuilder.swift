/// Decides how much of a document the next segment takes, and where it is divided in two.
///
/// The rules are those of ELECTRA's example builder (`build_pretraining_dataset.py` in github.com/google-research/electra):
/// one segment in ten is single, one in twenty has a random length; the first half takes sentences as long as they fit, and
/// the one that does not fit with a probability of one half. Three things differ: halves stay consecutive text (there, a
/// later short sentence may move into the first half), nothing is cut off and lost, and a document without an end of a
/// sentence in reach gives a single segment.
package struct PairBuilder: Sendable {
    /// What of a document makes a segment.
    package struct Segment: Equatable, Sendable {
        /// End of its tokens within the document's.
        package var end: Int
        /// Where the second half begins within the document's tokens; nil for a single segment.
        package var second: Int?

        package init(end: Int, second: Int? = nil) {
            self.end = end
            self.second = second
        }
    }

    /// Random numbers for one segment.
    private static let numbersPerSegment = 4
    private static let shortest = 5

    private let sequenceLength: Int
    private let random: CounterRandom

    /// - Parameter random: of the window that documents are taken from.
    package init(sequenceLength: Int, random: CounterRandom) {
        self.sequenceLength = sequenceLength
        self.random = random
    }

    /// - Parameters:
    ///   - start, count: of the document's tokens, what is left of them.
    ///   - ends: of its sentences, as numbers of tokens before them, ascending.
    ///   - draw: number of the segment within its window.
    package func segment(from start: Int, of count: Int, ends: [Int], draw: Int) -> Segment {
        let first = draw * Self.numbersPerSegment
        let isSingle = random.below(10, first) == 0
        var target = sequenceLength
        if random.below(20, first + 1) == 0 {
            target = Self.shortest + random.below(sequenceLength - Self.shortest + 1, first + 2)
        }
        if !isSingle {
            let end = min(start + target - 3, count)
            let half = (target - 3) / 2
            let takesLonger = random.below(2, first + 3) == 0
            if let second = Self.boundary(start: start, end: end, ends: ends, half: half, takesLonger: takesLonger) {
                return Segment(end: end, second: second)
            }
        }
        return Segment(end: min(start + target - 2, count))
    }

    /// Where the first half ends; nil where it takes everything.
    private static func boundary(start: Int, end: Int, ends: [Int], half: Int, takesLonger: Bool) -> Int? {
        var boundary: Int?
        for next in ends.drop(while: { $0 <= start }) {
            guard next < end else { break }
            guard let last = boundary else {
                boundary = next
                continue
            }
            if next - start < half {
                boundary = next
            } else {
                if takesLonger, last - start < half { boundary = next }
                return boundary
            }
        }
        // The last sentence, which `end` may cut, goes to the first half by the same rule.
        guard let last = boundary, end - start < half || takesLonger && last - start < half else { return boundary }
        return nil
    }
}
