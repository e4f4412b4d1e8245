/// The pattern of Llama 3 (up to 3 digits) and Qwen 2 (1 digit) as a scanner:
/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*`
/// `|\s*[\r\n]+|\s+(?!\S)|\s+`.
///
/// With a cursor that takes combining marks for letters, `\p{L}` is `[\p{L}\p{M}]`. Calls `emit` with the start and end of each match; the matches cover the text.
@inline(__always)
func scanLlama3(_ cursor: ClassCursor, maximumDigits: Int, emit: (Int, Int) -> Void) {
    let bytes = cursor.bytes
    let end = cursor.end
    var position = 0
    while position < end {
        let start = position
        let (kind, length) = cursor.classify(start)
        position = start &+ length
        if bytes[start] == UInt8(ascii: "'"), case let tail = contraction(bytes, start, end), tail > 0 {
            position = start &+ tail
        } else if kind == ScanClass.letter {
            position = cursor.letterRun(from: position)
        } else if kind == ScanClass.number {
            var digits = 1
            while digits < maximumDigits, position < end {
                let next = cursor.classify(position)
                guard next.class == ScanClass.number else { break }
                position &+= next.length
                digits &+= 1
            }
        } else {
            let next = position < end ? cursor.classify(position) : (class: ScanClass.space, length: 0)
            let isLineBreak = bytes[start] == 0x0A || bytes[start] == 0x0D
            if next.class == ScanClass.letter, !isLineBreak {
                position = cursor.letterRun(from: position &+ next.length)
            } else if kind == ScanClass.other || (bytes[start] == UInt8(ascii: " ") && next.class == ScanClass.other) {
                position = cursor.run(of: ScanClass.other, from: position)
                while position < end, bytes[position] == 0x0A || bytes[position] == 0x0D { position &+= 1 }
            } else {
                let space = cursor.spaceRun(from: start)
                if space.afterLineBreak > 0 {
                    position = space.afterLineBreak
                } else {
                    position = space.end == end || space.last == start ? space.end : space.last
                }
            }
        }
        emit(start, position)
    }
}

/// The length of a contraction in either case at a position; 0 for none. `ſ` folds to `s`.
@inline(__always)
private func contraction(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
    guard start &+ 1 < end else { return 0 }
    switch bytes[start &+ 1] | 0x20 {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
        return start &+ 2 < end && bytes[start &+ 2] | 0x20 == UInt8(ascii: "e") ? 3 : 0
    case UInt8(ascii: "l"): return start &+ 2 < end && bytes[start &+ 2] | 0x20 == UInt8(ascii: "l") ? 3 : 0
    default: return bytes[start &+ 1] == 0xC5 && start &+ 2 < end && bytes[start &+ 2] == 0xBF ? 3 : 0
    }
}
