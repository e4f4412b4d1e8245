/// Extended grapheme clusters (UAX 29), as the standard library finds them.
enum Graphemes {
    /// From a place where a cluster begins to one where another does: a single ASCII character in most texts, else all up to
    /// the second of two ASCII characters.
    static func run(_ text: UnsafeBufferPointer<UInt32>, from start: Int) -> Range<Int> {
        var end = start + 1
        while end < text.count {
            let (previous, next) = (text[end - 1], text[end])
            if previous < 0x80, next < 0x80, !(previous == 0x0D && next == 0x0A) { break }
            end += 1
        }
        return start..<end
    }

    /// Calls `body` with each cluster of a run.
    static func divide(_ text: UnsafeBufferPointer<UInt32>, _ run: Range<Int>, _ body: (Range<Int>) -> Void) {
        if run.count == 1 { return body(run) }
        var string = String.UnicodeScalarView()
        for index in run { string.append(Unicode.Scalar(text[index]) ?? "\u{FFFD}") }
        var start = run.lowerBound
        for cluster in String(string) {
            let end = start + cluster.unicodeScalars.count
            body(start..<end)
            start = end
        }
    }
}
