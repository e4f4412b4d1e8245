/// Encodes texts with a byte-level BPE for a `TokenizerEncoder`.
final class BPEEncoder {
    private let tokenizer: Tokenizer
    private let model: BPEModel
    private let preTokenizer: PreTokenizer
    private var cache: WordCache
    private var merger = WordMerger()
    private let output: UnsafeMutablePointer<Int32>
    private var outputCount = 0
    private static let outputCapacity = 4096

    /// Longer pre-tokens are encoded in parts of this many bytes, so that positions fit 32 bits.
    private static let longestWord = 1 << 30

    /// - Parameter cacheEntries: how many words the cache holds; rounded up to a power of two.
    init(_ tokenizer: Tokenizer, _ model: BPEModel, _ preTokenizer: PreTokenizer, cacheEntries: Int) {
        self.tokenizer = tokenizer
        self.model = model
        self.preTokenizer = preTokenizer
        cache = WordCache(atLeast: cacheEntries)
        output = .allocate(capacity: Self.outputCapacity)
    }

    deinit { output.deallocate() }

    /// Units of work in merging so far, which tests bound instead of a time.
    var mergeWork: Int { merger.work }

    /// Appends the ids of one text. Never fails: bytes outside UTF-8 are encoded as they are.
    ///
    /// - Parameter parsing: which added tokens to look for in the text; special ones are text unless `.all`.
    func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, into ids: inout [Int32], parsing: AddedTokenParsing = .ordinary
    ) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
        if tokenizer.normalizer == nil, !tokenizer.addedTokens.looks(for: parsing) {
            encodePlain(base, bytes.count, into: &ids)
        } else {
            encodeSegments(bytes, into: &ids, parsing)
        }
        flush(into: &ids)
    }

    /// Parts the text at its added tokens, normalizes the rest and parts that at normalized added tokens.
    private func encodeSegments(
        _ bytes: UnsafeBufferPointer<UInt8>, into ids: inout [Int32], _ parsing: AddedTokenParsing
    ) {
        for segment in tokenizer.addedTokens.split(bytes, parsing, normalized: false) {
            if let id = segment.id {
                append(id, into: &ids)
                continue
            }
            let raw = UnsafeBufferPointer(rebasing: bytes[segment.range])
            guard let normalizer = tokenizer.normalizer else {
                encodeNormalized(raw, into: &ids, parsing)
                continue
            }
            normalizer.normalize(raw).withUnsafeBufferPointer { encodeNormalized($0, into: &ids, parsing) }
        }
    }

    private func encodeNormalized(
        _ bytes: UnsafeBufferPointer<UInt8>, into ids: inout [Int32], _ parsing: AddedTokenParsing
    ) {
        for segment in tokenizer.addedTokens.split(bytes, parsing, normalized: true) {
            if let id = segment.id {
                append(id, into: &ids)
            } else if let base = bytes.baseAddress, !segment.range.isEmpty {
                encodePlain(base + segment.range.lowerBound, segment.range.count, into: &ids)
            }
        }
    }

    /// Pre-tokenizes and encodes text without added tokens.
    private func encodePlain(_ base: UnsafePointer<UInt8>, _ count: Int, into ids: inout [Int32]) {
        ScanClass.ofByte.withUnsafeBufferPointer { table in
            guard let tableBase = table.baseAddress else { return }
            var cursor = ClassCursor(bytes: base, end: count, table: tableBase, characters: .shared)
            switch preTokenizer {
            case .gpt2:
                scanGPT2(cursor) { encodeWord(base + $0, $1 &- $0, readable: count &- $0, into: &ids) }
            case .llama3(let digits, let joinsMarks):
                cursor.joinsMarks = joinsMarks
                scanLlama3(cursor, maximumDigits: digits) {
                    encodeWord(base + $0, $1 &- $0, readable: count &- $0, into: &ids)
                }
            case .steps(let steps):
                steps.split(UnsafeBufferPointer(start: base, count: count)) { word, length, readable in
                    encodeWord(word, length, readable: readable, into: &ids)
                }
            }
        }
    }

    /// Encodes one pre-token, from the cache where it is short and known.
    @inline(__always)
    private func encodeWord(
        _ word: UnsafePointer<UInt8>, _ length: Int, readable: Int, into ids: inout [Int32]
    ) {
        guard length <= WordCache.longestWord else { return encodeLongWord(word, length, into: &ids) }
        let (low, high) = WordCache.key(word, length, readable: readable)
        guard let known = cache.find(low, high) else {
            return encodeNewWord(word, length, low, high, into: &ids)
        }
        if outputCount &+ WordCache.mostIds > Self.outputCapacity { flush(into: &ids) }
        UnsafeMutableRawPointer(output + outputCount).storeBytes(of: known, as: SIMD4<Int32>.self)
        // Unused places hold -1, whose sign counts them.
        outputCount &+= WordCache.mostIds &+ Int((known &>> 31).wrappedSum())
    }

    @inline(never)
    private func encodeNewWord(
        _ word: UnsafePointer<UInt8>, _ length: Int, _ low: UInt64, _ high: UInt64, into ids: inout [Int32]
    ) {
        merge(word, length)
        if merger.count <= WordCache.mostIds { cache.insert(low, high, merger.symbols, count: merger.count) }
        appendMerged(into: &ids)
    }

    @inline(never)
    private func encodeLongWord(_ word: UnsafePointer<UInt8>, _ length: Int, into ids: inout [Int32]) {
        var start = 0
        while start < length {
            let part = min(length - start, Self.longestWord)
            merge(word + start, part)
            appendMerged(into: &ids)
            start += part
        }
    }

    private func merge(_ word: UnsafePointer<UInt8>, _ length: Int) {
        if model.ignoresMerges,
            let id = model.wholeWords[Array(UnsafeBufferPointer(start: word, count: length))]
        {
            merger.replace(with: id)
        } else {
            merger.merge(word, length, model)
        }
    }

    private func appendMerged(into ids: inout [Int32]) {
        if outputCount + merger.count > Self.outputCapacity { flush(into: &ids) }
        if merger.count > Self.outputCapacity {
            ids.append(contentsOf: UnsafeBufferPointer(start: merger.symbols, count: merger.count))
        } else {
            (output + outputCount).update(from: merger.symbols, count: merger.count)
            outputCount += merger.count
        }
    }

    private func append(_ id: Int32, into ids: inout [Int32]) {
        if outputCount == Self.outputCapacity { flush(into: &ids) }
        output[outputCount] = id
        outputCount += 1
    }

    private func flush(into ids: inout [Int32]) {
        ids.append(contentsOf: UnsafeBufferPointer(start: output, count: outputCount))
        outputCount = 0
    }
}
