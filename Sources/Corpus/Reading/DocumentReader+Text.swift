import Glibc
import Tokenization

extension DocumentReader {
    /// Bytes that are looked at behind the longest piece to see whether a blank line follows. White space that is
    /// longer than this does not end a document that has reached its maximum length.
    private static let lookahead = 4096

    /// The text of the next piece, empty if there is nothing in it but white space; nil at the end of the file.
    func nextTextPiece() throws -> UnsafeRawBufferPointer? {
        if position.piece == 0 {
            try skipSpace()
            if buffer.count == 0 || buffer.offset >= rangeEnd { return nil }
        }
        let maximum = rules.maximumPieceBytes
        let end =
            switch file.separator {
            case .blankLine: try endOfBlankLineDocument()
            case .line: try endOfLineDocument()
            case .file: try endOfFileDocument()
            }
        let offset = buffer.offset
        let raw: UnsafeRawBufferPointer
        if let end {
            raw = ASCII.trimmed(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<end]), start: false)
            buffer.consume(end)
            position.piece = 0
        } else {
            let cut = PieceCut.position(in: buffer.bytes, maximum: maximum)
            let piece = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<cut])
            raw = piece.allSatisfy(ASCII.isSpace) ? UnsafeRawBufferPointer(rebasing: piece[..<0]) : piece
            buffer.consume(cut)
            position.piece += 1
        }
        position.offset = buffer.offset
        return try clean(raw, offset: offset)
    }

    /// Passes over white space at the start of a document.
    func skipSpace() throws {
        while true {
            try fill(beyond: 0)
            let bytes = buffer.bytes
            guard let text = bytes.firstIndex(where: { !ASCII.isSpace($0) }) else {
                if bytes.isEmpty { return }
                buffer.consume(bytes.count)
                continue
            }
            buffer.consume(text)
            position.offset = buffer.offset
            return
        }
    }

    /// Where the document ends: at the newline before a blank line, or at the end of the file. Nil if that is farther
    /// than a piece may reach. It depends on the content alone, never on how much of it happens to be in the buffer.
    private func endOfBlankLineDocument() throws -> Int? {
        let maximum = rules.maximumPieceBytes
        var search = 0
        while true {
            if search > maximum { return nil }
            let bytes = buffer.bytes
            let limit = min(bytes.count, maximum + 1)
            guard let start = bytes.baseAddress,
                search < limit,
                let found = memchr(start + search, 0x0A, limit - search)
            else {
                if limit > maximum { return nil }
                if buffer.isAtEnd { return bytes.count }
                search = limit
                try fill(beyond: bytes.count)
                continue
            }
            let newline = UnsafeRawPointer(found) - start
            let lookLimit = maximum + Self.lookahead
            var next = newline + 1
            while next < min(bytes.count, lookLimit) && ASCII.isSpaceWithinLine(bytes[next]) { next += 1 }
            if next == bytes.count && next < lookLimit && !buffer.isAtEnd {
                search = newline
                try fill(beyond: bytes.count)
                continue
            }
            if next < bytes.count ? bytes[next] == 0x0A : buffer.isAtEnd { return newline }
            search = next
        }
    }

    private func endOfLineDocument() throws -> Int? {
        let maximum = rules.maximumPieceBytes
        try fill(beyond: maximum)
        let limit = min(buffer.count, maximum + 1)
        guard let start = buffer.bytes.baseAddress, let found = memchr(start, 0x0A, limit) else {
            return limit > maximum ? nil : limit
        }
        return UnsafeRawPointer(found) - start
    }

    private func endOfFileDocument() throws -> Int? {
        try fill(beyond: rules.maximumPieceBytes)
        return buffer.count > rules.maximumPieceBytes ? nil : buffer.count
    }

    /// Replaces what is not UTF-8, and line ends CR LF by LF.
    func clean(_ raw: UnsafeRawBufferPointer, offset: Int64) throws -> UnsafeRawBufferPointer {
        var text = raw
        let firstInvalid = UTF8Repair.firstInvalid(raw)
        guard try checkIsText(raw, firstInvalid: firstInvalid, at: offset) else {
            return UnsafeRawBufferPointer(rebasing: raw[..<0])
        }
        if let invalid = firstInvalid {
            try invalidUTF8(at: offset + Int64(invalid))
            scratch.removeAll(keepingCapacity: true)
            noteReplaced(UTF8Repair.append(raw, to: &scratch))
            text = scratch.withUnsafeBytes { $0 }
        }
        guard let start = text.baseAddress, memchr(start, 0x0D, text.count) != nil else { return text }
        if text.baseAddress == raw.baseAddress { scratch = Array(raw) }
        var written = 0
        for read in scratch.indices {
            if scratch[read] == 0x0D && read + 1 < scratch.count && scratch[read + 1] == 0x0A { continue }
            scratch[written] = scratch[read]
            written += 1
        }
        scratch.removeLast(scratch.count - written)
        return scratch.withUnsafeBytes { $0 }
    }

    /// Refuses invalid UTF-8 if strict, otherwise notes it.
    func invalidUTF8(at offset: Int64, line: Int? = nil) throws {
        if rules.strict { throw CorpusError.invalidUTF8(path: file.path, offset: offset) }
        report.add(
            CorpusWarning(
                .invalidUTF8, path: file.path, line: line, offset: offset, "invalid UTF-8, replaced by U+FFFD"),
            count: 0)
    }

    /// Counts replaced sequences.
    func noteReplaced(_ count: Int) {
        invalidSequences += count
        replacedInPiece += count
        report.count(.invalidUTF8, count)
    }
}
