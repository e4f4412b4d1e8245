/// How a pair of texts that is too long is cut.
enum PairTruncation {
    /// `longest_first` of Hugging Face's tokenizers: the longer text is cut down to the shorter one, then both to half of
    /// the room. An odd token goes to the text that was longer, of two equally long ones to the second.
    ///
    /// - Parameters:
    ///   - first: tokens of the first text.
    ///   - second: tokens of the second.
    ///   - room: tokens that fit, without special ones.
    /// - Returns: tokens that are kept, from the beginning of each.
    static func kept(_ first: Int, _ second: Int, of room: Int) -> (first: Int, second: Int) {
        let room = max(room, 0)
        guard first + second > room else { return (first, second) }
        let shorter = min(first, second, room / 2)
        return first > second ? (room - shorter, shorter) : (shorter, room - shorter)
    }
}
