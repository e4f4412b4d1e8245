/// Classes that the hand-written scanners tell apart.
enum ScanClass {
    static let letter: UInt8 = 0
    static let number: UInt8 = 1
    static let space: UInt8 = 2
    static let other: UInt8 = 3
    /// The first byte of something outside ASCII: decode and look up.
    static let beyondASCII: UInt8 = 4

    /// - Parameter joinsMarks: whether combining marks are letters.
    static func of(_ character: CharacterClass, joinsMarks: Bool = false) -> UInt8 {
        if !character.isDisjoint(with: joinsMarks ? [.letter, .mark] : .letter) { return letter }
        if !character.isDisjoint(with: .number) { return number }
        return character.contains(.regexSpace) ? space : other
    }

    /// Class of each byte; bytes from 0x80 on are `beyondASCII`.
    static let ofByte: [UInt8] = (0..<256).map { byte in
        byte < 0x80 ? of(CharacterTable.shared[UInt32(byte)]) : beyondASCII
    }
}

/// Reads the class of the scalar at a position; shared by the hand-written scanners.
struct ClassCursor {
    let bytes: UnsafePointer<UInt8>
    let end: Int
    let table: UnsafePointer<UInt8>
    let characters: CharacterTable
    /// Whether combining marks are letters.
    var joinsMarks = false

    @inline(__always)
    func classify(_ position: Int) -> (class: UInt8, length: Int) {
        let quick = table[Int(bytes[position])]
        if quick != ScanClass.beyondASCII { return (quick, 1) }
        let (scalar, length) = decodeLongScalar(bytes, at: position, end: end)
        return (ScanClass.of(characters[scalar], joinsMarks: joinsMarks), length)
    }

    /// The end of the run of one class from a position on.
    @inline(__always)
    func run(of wanted: UInt8, from start: Int) -> Int {
        var position = start
        while position < end {
            let quick = table[Int(bytes[position])]
            if quick == wanted {
                position &+= 1
                continue
            }
            guard quick == ScanClass.beyondASCII else { return position }
            let (scalar, length) = decodeLongScalar(bytes, at: position, end: end)
            guard ScanClass.of(characters[scalar], joinsMarks: joinsMarks) == wanted else { return position }
            position &+= length
        }
        return position
    }

    /// The end of a run of letters, like `run(of: ScanClass.letter)`.
    ///
    /// Eight bytes at a time: a loop over single bytes ends after some five of them, wrongly predicted for almost every
    /// word.
    @inline(__always)
    func letterRun(from start: Int) -> Int {
        var position = start
        while position &+ 8 <= end {
            let word = UnsafeRawPointer(bytes + position).loadUnaligned(as: UInt64.self).littleEndian
            let others = Self.nonLetters(word)
            if others == 0 {
                position &+= 8
                continue
            }
            position &+= others.trailingZeroBitCount &>> 3
            if bytes[position] < 0x80 { return position }
            break
        }
        return run(of: ScanClass.letter, from: position)
    }

    /// The highest bit of every byte that is no ASCII letter.
    @inline(__always)
    static func nonLetters(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let high = ones &* 0x80
        // Without its highest bit a byte stays below 0x80, so that no sum carries into the next one.
        let lower = (word | ones &* 0x20) & ~high
        let fromA = lower &+ ones &* (0x80 - UInt64(UInt8(ascii: "a")))
        let beyondZ = lower &+ ones &* (0x7F - UInt64(UInt8(ascii: "z")))
        return ~(fromA & ~beyondZ & ~word) & high
    }

    /// The end of a run of white space, where its last scalar starts, and the end of its last line break (or 0).
    @inline(__always)
    func spaceRun(from start: Int) -> (end: Int, last: Int, afterLineBreak: Int) {
        var position = start
        var last = start
        var afterLineBreak = 0
        while position < end {
            let (kind, length) = classify(position)
            guard kind == ScanClass.space else { break }
            last = position
            position &+= length
            if bytes[last] == 0x0A || bytes[last] == 0x0D { afterLineBreak = position }
        }
        return (position, last, afterLineBreak)
    }
}

/// GPT-2's pattern as a scanner:
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
///
/// Calls `emit` with the start and end of each match; the matches cover the text.
@inline(__always)
func scanGPT2(_ cursor: ClassCursor, emit: (Int, Int) -> Void) {
    let bytes = cursor.bytes
    let end = cursor.end
    var position = 0
    while position < end {
        let start = position
        var kind: UInt8
        var length: Int
        (kind, length) = cursor.classify(start)
        if bytes[start] == UInt8(ascii: "'"), case let tail = contraction(bytes, start, end), tail > 0 {
            position = start &+ tail
        } else if kind == ScanClass.space {
            var joins = false
            if bytes[start] == UInt8(ascii: " "), start &+ 1 < end {
                (kind, length) = cursor.classify(start &+ 1)
                joins = kind != ScanClass.space
            }
            if joins {
                let next = start &+ 1 &+ length
                position = kind == ScanClass.letter ? cursor.letterRun(from: next) : cursor.run(of: kind, from: next)
            } else {
                let space = cursor.spaceRun(from: start)
                position = space.end == end || space.last == start ? space.end : space.last
            }
        } else if kind == ScanClass.letter {
            position = cursor.letterRun(from: start &+ length)
        } else {
            position = cursor.run(of: kind, from: start &+ length)
        }
        emit(start, position)
    }
}

/// The length of `'s`, `'t`, `'m`, `'d`, `'re`, `'ve` or `'ll` at a position; 0 for none.
@inline(__always)
private func contraction(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
    guard start &+ 1 < end else { return 0 }
    let next = bytes[start &+ 1]
    switch next {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
        return start &+ 2 < end && bytes[start &+ 2] == UInt8(ascii: "e") ? 3 : 0
    case UInt8(ascii: "l"): return start &+ 2 < end && bytes[start &+ 2] == UInt8(ascii: "l") ? 3 : 0
    default: return 0
    }
}
