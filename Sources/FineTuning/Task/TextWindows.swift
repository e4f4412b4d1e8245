/// Windows over a text that is longer than the model: all of the same length, each with some tokens of the one before.
package enum TextWindows {
    /// - Parameters:
    ///   - count: tokens of the text.
    ///   - room: tokens of a window, at least one.
    ///   - overlap: tokens that a window shares with the one before; at most all but one.
    /// - Returns: at least one; the last ends with the text and may share more.
    package static func windows(_ count: Int, room: Int, overlap: Int) -> [Range<Int>] {
        if count <= room { return [0..<count] }
        let step = max(room - overlap, 1)
        return stride(from: 0, to: count - room + step, by: step).map { start in
            let start = min(start, count - room)
            return start..<start + room
        }
    }

    /// The window in which a token has most context on the side where it has less: of BERT's for SQuAD (Devlin et al. 2018).
    package static func owner(of token: Int, _ windows: [Range<Int>]) -> Int {
        func context(_ index: Int) -> Int {
            let window = windows[index]
            return window.contains(token) ? min(token - window.lowerBound, window.upperBound - 1 - token) : -1
        }
        // The first of equals.
        return windows.indices.reduce(0) { context($1) > context($0) ? $1 : $0 }
    }
}
