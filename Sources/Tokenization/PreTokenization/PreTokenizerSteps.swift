/// Pre-tokenizers one after the other, on scalars: for all forms without a scanner of their own.
struct PreTokenizerSteps: Sendable {
    private let steps: [PreTokenizerStep]

    /// - Throws: `TokenizerError.unsupported` unless exactly one step turns text into the byte alphabet.
    init(_ steps: [PreTokenizerStep]) throws(TokenizerError) {
        for step in steps {
            if case .metaspace = step {
                throw .unsupported(component: "pre_tokenizer", problem: "a Metaspace before a BPE")
            }
        }
        let byteLevels = steps.filter { if case .byteLevel = $0 { true } else { false } }.count
        guard byteLevels == 1 else {
            throw .unsupported(
                component: "pre_tokenizer",
                problem: byteLevels == 0 ? "there is no ByteLevel in it" : "there is more than one ByteLevel in it")
        }
        self.steps = steps
    }

    /// Calls `emit` with each word's bytes, their number, and how many bytes may be read from there on.
    func split(
        _ bytes: UnsafeBufferPointer<UInt8>, emit: (UnsafePointer<UInt8>, Int, Int) -> Void
    ) {
        var text = Pieces(scalars: bytes.decodedScalars())
        for step in steps {
            if case .byteLevel(let addsPrefixSpace, let usesPattern) = step {
                if addsPrefixSpace { text.addPrefixSpaces() }
                text.mapToBytes(usesPattern: usesPattern)
            } else {
                text.apply(step)
            }
        }
        text.emit(emit)
    }
}

/// A text of scalars and the pieces that it is cut into so far.
private struct Pieces {
    private var scalars: [UInt32]
    private var ranges: [Range<Int>]

    init(scalars: [UInt32]) {
        self.scalars = scalars
        ranges = scalars.isEmpty ? [] : [0..<scalars.count]
    }

    mutating func apply(_ step: PreTokenizerStep) {
        ranges = scalars.withUnsafeBufferPointer { buffer in
            var cut: [Range<Int>] = []
            for range in ranges {
                for piece in step.cut(UnsafeBufferPointer(rebasing: buffer[range])) {
                    cut.append((piece.lowerBound + range.lowerBound)..<(piece.upperBound + range.lowerBound))
                }
            }
            return cut
        }
    }

    mutating func addPrefixSpaces() {
        var spaced: [UInt32] = []
        spaced.reserveCapacity(scalars.count + ranges.count)
        for index in ranges.indices {
            let range = ranges[index]
            let start = spaced.count
            if scalars[range.lowerBound] != 0x20 { spaced.append(0x20) }
            spaced.append(contentsOf: scalars[range])
            ranges[index] = start..<spaced.count
        }
        scalars = spaced
    }

    /// Replaces each scalar by the byte alphabet's scalars of its bytes.
    mutating func mapToBytes(usesPattern: Bool) {
        var mapped: [UInt32] = []
        var cut: [Range<Int>] = []
        var bytes: [UInt8] = []
        for range in ranges {
            bytes.removeAll(keepingCapacity: true)
            for scalar in scalars[range] { appendUTF8(scalar, to: &bytes) }
            let start = mapped.count
            for byte in bytes { mapped.append(ByteAlphabet.scalars[Int(byte)]) }
            guard usesPattern else {
                cut.append(start..<mapped.count)
                continue
            }
            bytes.withUnsafeBufferPointer { text in
                ScanClass.ofByte.withUnsafeBufferPointer { table in
                    guard let base = text.baseAddress, let tableBase = table.baseAddress else { return }
                    let cursor = ClassCursor(bytes: base, end: text.count, table: tableBase, characters: .shared)
                    scanGPT2(cursor) { cut.append((start + $0)..<(start + $1)) }
                }
            }
        }
        scalars = mapped
        ranges = cut
    }

    /// Emits the pieces of a text in the byte alphabet as bytes.
    func emit(_ body: (UnsafePointer<UInt8>, Int, Int) -> Void) {
        let bytes = scalars.map { UInt8(truncatingIfNeeded: ByteAlphabet.bytes[Int($0)]) }
        bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            for range in ranges where !range.isEmpty {
                body(base + range.lowerBound, range.count, buffer.count - range.lowerBound)
            }
        }
    }
}
