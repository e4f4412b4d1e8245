/// What tests ask of the pattern matcher.
package enum PatternProbe {
    /// The matches of a pattern in a text, in scalars, and the steps that finding them took.
    package static func matches(
        of source: String, in text: [UInt8]
    ) throws(TokenizerError) -> (ranges: [Range<Int>], work: Int) {
        let pattern = try Pattern(source)
        let scalars = text.withUnsafeBufferPointer { $0.decodedScalars() }
        return scalars.withUnsafeBufferPointer { buffer in
            var matcher = PatternMatcher(pattern, buffer)
            var ranges: [Range<Int>] = []
            var position = 0
            while let match = matcher.find(from: position) {
                ranges.append(match)
                position = match.upperBound
            }
            return (ranges, matcher.work)
        }
    }
}
