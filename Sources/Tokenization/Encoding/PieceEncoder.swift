/// Encodes texts with a WordPiece or a Unigram for a `TokenizerEncoder`.
///
/// Texts are normalized, cut and put together from tokens step by step, on scalars that keep track of where they come from.
/// Where a text can be divided at its spaces beforehand (`WordLayout`), what stands between them is remembered, so that this
/// happens once for most words.
final class PieceEncoder {
    private let tokenizer: Tokenizer
    private let model: PieceModel
    private let cutter: PieceCutter
    private let layout: WordLayout?
    private var cache: WordCache
    /// Words that the cache has no room for, be they long or many: their bytes and ids. To put one together takes many times as
    /// long as to find it here.
    private var manyWords = WordStore(limit: mostWords)
    private var piece: [UInt8] = []
    private var pieceTokens: [PieceToken] = []
    private var unigramScratch = UnigramModel.Scratch()
    private var wordTokens = TextTokens()
    /// Ids of the text at hand that are not handed over yet.
    private let output: UnsafeMutablePointer<Int32>
    private var outputCount = 0

    private static let outputCapacity = 4096
    /// Some 100 bytes each.
    private static let mostWords = 1 << 17
    private static let longestRememberedWord = 64

    init(_ tokenizer: Tokenizer, _ model: PieceModel, _ cutter: PieceCutter, cacheEntries: Int) {
        self.tokenizer = tokenizer
        self.model = model
        self.cutter = cutter
        cache = WordCache(atLeast: cacheEntries)
        layout = WordLayout(tokenizer.normalizer, cutter)
        output = .allocate(capacity: Self.outputCapacity)
    }

    deinit { output.deallocate() }

    /// Appends the ids of one text. Bytes outside UTF-8 are taken for U+FFFD, one each.
    func encode(_ bytes: UnsafeBufferPointer<UInt8>, into ids: inout [Int32], parsing: AddedTokenParsing) {
        guard let layout, let base = bytes.baseAddress, !tokenizer.addedTokens.looksInNormalized(for: parsing) else {
            ids.append(contentsOf: tokens(bytes, parsing: parsing, wantsRanges: false).ids)
            return
        }
        for segment in tokenizer.addedTokens.split(bytes, parsing, normalized: false) {
            if let id = segment.id {
                ids.append(id)
                continue
            }
            let text = UnsafeBufferPointer(start: base + segment.range.lowerBound, count: segment.range.count)
            let known = ids.count
            if !(layout.needsBeginning && segment.range.lowerBound > 0), encodeWords(text, layout, into: &ids) {
                flush(into: &ids)
            } else {
                outputCount = 0
                ids.removeSubrange(known...)
                var tokens = TextTokens()
                encode(text, at: segment.range.lowerBound, parsing, wantsRanges: false, into: &tokens)
                ids.append(contentsOf: tokens.ids)
            }
        }
    }

    /// The tokens of a text, and the bytes that each stands for where these are wanted.
    func tokens(_ bytes: UnsafeBufferPointer<UInt8>, parsing: AddedTokenParsing, wantsRanges: Bool) -> TextTokens {
        var tokens = TextTokens()
        for segment in tokenizer.addedTokens.split(bytes, parsing, normalized: false) {
            if let id = segment.id {
                tokens.ids.append(id)
                if wantsRanges { tokens.ranges.append(segment.range) }
            } else {
                let text = UnsafeBufferPointer(rebasing: bytes[segment.range])
                encode(text, at: segment.range.lowerBound, parsing, wantsRanges: wantsRanges, into: &tokens)
            }
        }
        return tokens
    }

    /// Encodes text without raw added tokens, step by step.
    private func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, at start: Int, _ parsing: AddedTokenParsing, wantsRanges: Bool,
        into tokens: inout TextTokens
    ) {
        var text = AlignedText(bytes, at: start)
        tokenizer.normalizer?.normalize(&text)
        guard tokenizer.addedTokens.looksInNormalized(for: parsing), !text.isEmpty else {
            encodeNormalized(&text, wantsRanges, into: &tokens)
            return
        }
        var normalized: [UInt8] = []
        // Where each scalar begins.
        var offsets: [Int] = []
        for index in text.scalars.indices {
            offsets.append(normalized.count)
            appendUTF8(text.scalars[index], to: &normalized)
        }
        let segments = normalized.withUnsafeBufferPointer {
            tokenizer.addedTokens.split($0, parsing, normalized: true)
        }
        var scalar = 0
        for segment in segments {
            let first = scalar
            while scalar < offsets.count, offsets[scalar] < segment.range.upperBound { scalar += 1 }
            if first == scalar { continue }
            if let id = segment.id {
                tokens.ids.append(id)
                if wantsRanges { tokens.ranges.append(text.source(first..<scalar)) }
            } else {
                var part = text
                part.trim(to: first..<scalar)
                encodeNormalized(&part, wantsRanges, into: &tokens)
            }
        }
    }

    private func encodeNormalized(_ text: inout AlignedText, _ wantsRanges: Bool, into tokens: inout TextTokens) {
        for range in cutter.cut(&text) {
            piece.removeAll(keepingCapacity: true)
            text.appendUTF8(range, to: &piece)
            pieceTokens.removeAll(keepingCapacity: true)
            piece.withUnsafeBufferPointer { bytes in
                switch model {
                case .wordPiece(let model): model.encode(bytes, into: &pieceTokens)
                case .unigram(let model): model.encode(bytes, &unigramScratch, into: &pieceTokens)
                }
            }
            for token in pieceTokens { tokens.ids.append(token.id) }
            if wantsRanges { appendRanges(text, range, into: &tokens) }
        }
    }

    /// What the tokens of the piece at hand stand for.
    private func appendRanges(_ text: AlignedText, _ range: Range<Int>, into tokens: inout TextTokens) {
        // Tokens follow one another but for those of the bytes of one character, so the scalars are gone through once.
        var (scalar, offset) = (range.lowerBound, 0)
        for token in pieceTokens {
            if token.start < offset { (scalar, offset) = (range.lowerBound, 0) }
            while offset < token.start {
                offset += encodedLength(text.scalars[scalar])
                scalar += 1
            }
            let (first, start) = (scalar, offset)
            while offset < token.end {
                offset += encodedLength(text.scalars[scalar])
                scalar += 1
            }
            tokens.ranges.append(text.source(first..<max(first + 1, scalar)))
            // The next one may stand for the same.
            (scalar, offset) = (first, start)
        }
    }

    /// Encodes text word by word.
    ///
    /// - Returns: false where it cannot be divided after all; what has been appended is then to be dropped.
    private func encodeWords(
        _ text: UnsafeBufferPointer<UInt8>, _ layout: WordLayout, into ids: inout [Int32]
    ) -> Bool {
        guard let base = text.baseAddress else { return true }
        var position = 0
        while position < text.count {
            let start = position
            switch layout.classes[Int(text[position])] {
            case WordLayout.space:
                while position < text.count, layout.classes[Int(text[position])] == WordLayout.space { position += 1 }
                // What is trimmed there leaves a text that begins later.
                guard layout.isSafe(text, position), !(start == 0 && layout.needsBeginning) else { return false }
                appendSpaces(position - start, isFirst: start == 0, isLast: position == text.count, layout, &ids)
            case WordLayout.single:
                position += 1
                guard layout.isSafe(text, position), encodeWord(base, start, position, text.count, layout, &ids) else {
                    return false
                }
            default:
                position += 1
                while position < text.count, layout.classes[Int(text[position])] == WordLayout.inside { position += 1 }
                guard encodeWord(base, start, position, text.count, layout, &ids) else { return false }
            }
        }
        return true
    }

    /// Spaces that are no part of the word behind them.
    private func appendSpaces(
        _ count: Int, isFirst: Bool, isLast: Bool, _ layout: WordLayout, _ ids: inout [Int32]
    ) {
        guard case .marked(let spaces) = layout.spaces else { return }
        let alone = spaces.alone(count, isFirst: isFirst, isLast: isLast)
        guard alone > 0 else { return }
        for _ in 0..<alone { append(spaceTokens, into: &ids) }
    }

    /// The tokens of a space of its own.
    private lazy var spaceTokens: [Int32] = {
        guard case .marked(let spaces)? = layout?.spaces else { return [] }
        var bytes: [UInt8] = []
        appendUTF8(spaces.sign, to: &bytes)
        var tokens = TextTokens()
        var text = bytes.withUnsafeBufferPointer { AlignedText($0, at: 0) }
        encodeNormalized(&text, false, into: &tokens)
        return tokens.ids
    }()

    @inline(__always)
    private func encodeWord(
        _ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ limit: Int, _ layout: WordLayout,
        _ ids: inout [Int32]
    ) -> Bool {
        let length = end &- start
        guard length <= WordCache.longestWord else {
            return encodeLongWord(UnsafeBufferPointer(start: base + start, count: length), layout, &ids)
        }
        let (low, high) = WordCache.key(base + start, length, readable: limit &- start)
        guard let known = cache.find(low, high) else {
            guard encodeLongWord(UnsafeBufferPointer(start: base + start, count: length), layout, &ids) else {
                return false
            }
            wordTokens.ids.withUnsafeBufferPointer { new in
                guard let first = new.baseAddress, new.count <= WordCache.mostIds else { return }
                cache.insert(low, high, first, count: new.count)
            }
            return true
        }
        if outputCount &+ WordCache.mostIds > Self.outputCapacity { flush(into: &ids) }
        UnsafeMutableRawPointer(output + outputCount).storeBytes(of: known, as: SIMD4<Int32>.self)
        // Unused places hold -1, whose sign counts them.
        outputCount &+= WordCache.mostIds &+ Int((known &>> 31).wrappedSum())
        return true
    }

    private func append(_ new: [Int32], into ids: inout [Int32]) {
        if outputCount + new.count > Self.outputCapacity { flush(into: &ids) }
        if new.count > Self.outputCapacity {
            ids.append(contentsOf: new)
        } else {
            new.withUnsafeBufferPointer {
                if let first = $0.baseAddress { (output + outputCount).update(from: first, count: $0.count) }
            }
            outputCount += new.count
        }
    }

    private func flush(into ids: inout [Int32]) {
        ids.append(contentsOf: UnsafeBufferPointer(start: output, count: outputCount))
        outputCount = 0
    }

    /// Encodes a word that the cache does not have, and leaves its ids in `wordTokens`.
    @inline(never)
    private func encodeLongWord(
        _ word: UnsafeBufferPointer<UInt8>, _ layout: WordLayout, _ ids: inout [Int32]
    ) -> Bool {
        let isRemembered = word.count <= Self.longestRememberedWord
        let hash = isRemembered ? word.baseAddress.map { WordHash.hash($0, word.count) } ?? 0 : 0
        wordTokens.ids.removeAll(keepingCapacity: true)
        if !(isRemembered && manyWords.append(word, hash: hash, to: &wordTokens.ids)) {
            guard encodeNewWord(word, layout) else { return false }
            if isRemembered { manyWords.insert(word, hash: hash, wordTokens.ids) }
        }
        append(wordTokens.ids, into: &ids)
        return true
    }

    /// Puts the ids of a word into `wordTokens`, where there are none, unless they depend on what stands beside it.
    @inline(never)
    private func encodeNewWord(_ word: UnsafeBufferPointer<UInt8>, _ layout: WordLayout) -> Bool {
        var text = AlignedText(word, at: 0)
        guard layout.isAlone(text) else { return false }
        tokenizer.normalizer?.normalize(&text)
        guard layout.isAlone(normalized: text) else { return false }
        encodeNormalized(&text, false, into: &wordTokens)
        return true
    }
}
