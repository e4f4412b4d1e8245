/// A unigram language model over tokens: of all ways to put a piece of text together the likeliest (Kudo 2018,
/// arXiv 1804.10959; `Unigram` of `tokenizers`, with its ties and its handling of unknown characters).
struct UnigramModel: Sendable {
    /// Of tokens that occur twice in the vocabulary the last id.
    let ids: [[UInt8]: Int32]
    /// How many tokens the vocabulary lists.
    let count: Int
    /// The id of characters that no token has.
    let unknown: Int32
    private let scores: [Double]
    /// The score of a character that no token has.
    private let unknownScore: Double
    /// Tokens of single bytes, which stand for unknown characters where all of a run have one; nil without fallback.
    private let byteTokens: [Int32]?
    private let trie: ByteTrie

    /// How much less likely than the least likely token an unknown character is, in natural logarithms.
    private static let unknownPenalty = 10.0

    /// Reads the `model` of a tokenizer.json.
    ///
    /// - Throws: `TokenizerError.invalid`.
    init(_ component: JSONComponent) throws(TokenizerError) {
        let listed = try component.array("vocab")
        guard !listed.isEmpty else { throw .invalid(component: "model", problem: "`vocab` is empty") }
        guard listed.count <= VocabularyReading.highestID else {
            throw .invalid(component: "model", problem: "`vocab` has \(listed.count) tokens, too many for a model")
        }
        var ids: [[UInt8]: Int32] = [:]
        ids.reserveCapacity(listed.count)
        var scores: [Double] = []
        scores.reserveCapacity(listed.count)
        for (index, entry) in listed.enumerated() {
            guard let pair = entry.array, pair.count == 2, let token = pair[0].bytes, let score = pair[1].double else {
                throw .invalid(component: "model.vocab", problem: "entry \(index) is not a token and its score")
            }
            guard score.isFinite else {
                throw .invalid(
                    component: "model.vocab", problem: "the score of \(VocabularyReading.shown(token)) is not finite")
            }
            ids[token] = Int32(index)
            scores.append(score)
        }
        guard component.optional("unk_id") != nil else {
            throw .invalid(component: "model", problem: "`unk_id` is missing, without which some texts have no tokens")
        }
        let unknown = try component.count("unk_id", default: 0)
        guard unknown < listed.count else {
            throw .invalid(component: "model", problem: "`unk_id` \(unknown) is not in a vocabulary of \(listed.count)")
        }
        self.ids = ids
        count = listed.count
        self.unknown = Int32(unknown)
        self.scores = scores
        unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
        byteTokens =
            try component.bool("byte_fallback", default: false)
            ? (0...255).map { byte in
                let digits = String(byte, radix: 16, uppercase: true)
                return ids[Array("<0x\(digits.count < 2 ? "0" : "")\(digits)>".utf8)] ?? -1
            } : nil
        trie = try ByteTrie(ids)
    }

    /// What a search needs, kept from piece to piece.
    struct Scratch {
        /// The best way to each place of the piece: its score, where its last token begins (-1: not reached), and that token.
        fileprivate var scores: [Double] = []
        fileprivate var starts: [Int] = []
        fileprivate var tokens: [Int32] = []
        /// Longer lists are given back after the piece.
        fileprivate static let longestKept = 1 << 20

        fileprivate mutating func reset(_ count: Int) {
            if scores.count < count {
                scores = [Double](repeating: 0, count: count)
                starts = [Int](repeating: -1, count: count)
                tokens = [Int32](repeating: 0, count: count)
            } else {
                for index in 0..<count { (scores[index], starts[index]) = (0, -1) }
            }
        }
    }

    /// Appends the tokens of a piece.
    ///
    /// - Parameter piece: UTF-8, not empty.
    func encode(
        _ piece: UnsafeBufferPointer<UInt8>, _ scratch: inout Scratch, into result: inout [PieceToken]
    ) {
        scratch.reset(piece.count + 1)
        search(piece, &scratch)
        // From the end, so backwards.
        let first = result.count
        var end = piece.count
        while end > 0 {
            var start = scratch.starts[end]
            if scratch.tokens[end] == unknown {
                // Unknown characters beside each other are one token.
                let stop = end
                end = start
                while end > 0, scratch.tokens[end] == unknown {
                    end = scratch.starts[end]
                }
                start = end
                appendUnknown(piece, start..<stop, &result)
            } else {
                result.append(PieceToken(id: scratch.tokens[end], start: start, end: end))
                end = start
            }
        }
        result[first...].reverse()
        if piece.count > Scratch.longestKept { scratch = Scratch() }
    }

    private func search(_ piece: UnsafeBufferPointer<UInt8>, _ scratch: inout Scratch) {
        scratch.scores.withUnsafeMutableBufferPointer { best in
            scratch.starts.withUnsafeMutableBufferPointer { starts in
                scratch.tokens.withUnsafeMutableBufferPointer { tokens in
                    @inline(__always) func offer(_ score: Double, _ token: Int32, _ start: Int, _ end: Int) {
                        if starts[end] < 0 || score > best[end] {
                            (best[end], starts[end], tokens[end]) = (score, start, token)
                        }
                    }
                    var start = 0
                    while start < piece.count {
                        // A map of characters may have left half of one.
                        let length = min(Self.scalarLength(piece[start]), piece.count - start)
                        var hasSingle = false
                        var found = trie.first(piece[start])
                        var end = start
                        while let node = found {
                            end &+= 1
                            let token = trie.tokens[node]
                            if token >= 0 {
                                offer(scores[Int(token)] + best[start], token, start, end)
                                if end &- start == length { hasSingle = true }
                            }
                            found = end < piece.count ? trie.child(of: node, piece[end]) : nil
                        }
                        if !hasSingle { offer(unknownScore + best[start], unknown, start, start + length) }
                        start += length
                    }
                }
            }
        }
    }

    /// The tokens of a run of unknown characters, last one first.
    private func appendUnknown(
        _ piece: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ result: inout [PieceToken]
    ) {
        let text = Array(piece[range])
        if let id = ids[text] {
            result.append(PieceToken(id: id, start: range.lowerBound, end: range.upperBound))
        } else if let byteTokens, text.allSatisfy({ byteTokens[Int($0)] >= 0 }) {
            for byte in text.reversed() {
                result.append(
                    PieceToken(id: byteTokens[Int(byte)], start: range.lowerBound, end: range.upperBound))
            }
        } else {
            result.append(PieceToken(id: unknown, start: range.lowerBound, end: range.upperBound))
        }
    }

    /// Of a scalar in valid UTF-8, by its first byte.
    @inline(__always)
    private static func scalarLength(_ first: UInt8) -> Int {
        first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    }
}
