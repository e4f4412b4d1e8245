import Glibc
import Tokenization

extension DocumentReader {
    /// The text of the next piece, empty if there is nothing in it but white space; nil at the end of the file.
    ///
    /// Lines without a usable document are noted and passed over.
    func nextLinePiece() throws -> UnsafeRawBufferPointer? {
        if lineTextStart == 0 {
            // At the start of a line, or of a reader that continues within one: then the text is decoded again and
            // the pieces that came before are cut off again.
            let skipped = position.piece
            guard try decodeNextLine() else { return nil }
            for _ in 0..<skipped {
                lineTextStart = endOfLinePiece()
                if lineTextStart == lineText.count {
                    throw CorpusError.invalidState(
                        "the document in line \(position.line + 1) of \(file.path) has no piece \(skipped)")
                }
            }
        }
        let start = lineTextStart
        let end = endOfLinePiece()
        if end == lineText.count {
            finishLine(lineBytes)
            lineTextStart = 0
        } else {
            lineTextStart = end
            position.piece += 1
        }
        return lineText.withUnsafeBytes { text in
            let piece = UnsafeRawBufferPointer(rebasing: text[start..<end])
            return piece.allSatisfy(ASCII.isSpace) ? UnsafeRawBufferPointer(rebasing: piece[..<0]) : piece
        }
    }

    private func endOfLinePiece() -> Int {
        lineText.withUnsafeBytes { text in
            let rest = UnsafeRawBufferPointer(rebasing: text[lineTextStart...])
            guard rest.count > rules.maximumPieceBytes else { return text.count }
            return lineTextStart + PieceCut.position(in: rest, maximum: rules.maximumPieceBytes)
        }
    }

    /// Decodes the next line that has a document into `lineText`, without consuming it.
    private func decodeNextLine() throws -> Bool {
        while true {
            if position.piece == 0 && buffer.offset >= rangeEnd { return false }
            guard let end = try position.isInArray ? endOfElement() : endOfLine() else { return false }
            let line = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<min(end, buffer.count)])
            if try decode(line) {
                lineBytes = end
                return true
            }
            finishLine(end)
        }
    }

    /// Goes on behind a line, or an element of an array.
    private func finishLine(_ count: Int) {
        if position.isInArray {
            pass(count)
        } else {
            buffer.consume(count)
            position.offset = buffer.offset
            position.line += 1
        }
        position.piece = 0
    }

    /// The number of bytes up to and with the next newline; nil at the end of the file. Overlong lines are dropped.
    private func endOfLine() throws -> Int? {
        var search = 0
        while true {
            let bytes = buffer.bytes
            if let start = bytes.baseAddress, search < bytes.count,
                let found = memchr(start + search, 0x0A, bytes.count - search)
            {
                let end = UnsafeRawPointer(found) - start + 1
                if end <= rules.maximumLineBytes { return end }
            } else if bytes.count <= rules.maximumLineBytes {
                search = bytes.count
                if buffer.isAtEnd { return bytes.isEmpty ? nil : bytes.count }
                try fill(beyond: bytes.count)
                continue
            }
            try reject(.overlongLine, "the line is longer than corpus.maximum_line_bytes (\(rules.maximumLineBytes))")
            try dropLine()
            // The next line may be another range's.
            if buffer.offset >= rangeEnd { return nil }
            search = 0
        }
    }

    /// Passes over a line of any length in bounded memory.
    private func dropLine() throws {
        while true {
            let bytes = buffer.bytes
            if let start = bytes.baseAddress, let found = memchr(start, 0x0A, bytes.count) {
                buffer.consume(UnsafeRawPointer(found) - start + 1)
                break
            }
            buffer.consume(bytes.count)
            if buffer.isAtEnd { break }
            try fill(beyond: 0)
        }
        position.offset = buffer.offset
        position.line += 1
    }

    /// Puts the document of a line into `lineText`.
    ///
    /// - Returns: false if the line holds none.
    private func decode(_ line: UnsafeRawBufferPointer) throws -> Bool {
        if line.allSatisfy(ASCII.isSpace) { return false }
        switch JSONLineScanner.scan(line, field: file.textField) {
        case .malformed(let reason):
            let isBracket = ASCII.trimmed(line).count == 1
            try reject(
                .malformedLine,
                "malformed JSON: \(reason)"
                    + (isBracket ? " (`jq -c . FILE > FILE.jsonl` puts each object of a JSON file on a line)" : ""))
            return false
        case .missing(let reason):
            let name = String(decoding: file.textField, as: UTF8.self)
            try reject(.missingField, "no text in member \"\(name)\": \(reason)")
            return false
        case .found(let range, let hasEscapes):
            lineText.removeAll(keepingCapacity: lineText.capacity <= 4 << 20)
            var raw = UnsafeRawBufferPointer(rebasing: line[range])
            let firstInvalid = UTF8Repair.firstInvalid(raw)
            let start = buffer.offset + Int64(range.lowerBound)
            guard try checkIsText(raw, firstInvalid: firstInvalid, at: start) else { return false }
            if let invalid = firstInvalid {
                scratch.removeAll(keepingCapacity: true)
                try noteReplaced(UTF8Repair.append(raw, to: &scratch), inLineAt: start + Int64(invalid))
                raw = scratch.withUnsafeBytes { $0 }
            }
            if hasEscapes {
                let loneSurrogates = JSONEscapes.append(raw, to: &lineText)
                if loneSurrogates > 0 { try noteReplaced(loneSurrogates, inLineAt: start) }
            } else {
                lineText.append(contentsOf: raw)
            }
            trimLineText()
            if lineText.isEmpty {
                tally.rows += 1
                noteEmpty(at: position)
            }
            return !lineText.isEmpty
        }
    }

    /// Refuses replaced sequences of a line if strict, otherwise notes and counts them, with the line's first piece.
    private func noteReplaced(_ count: Int, inLineAt offset: Int64) throws {
        // A reader that continues within a line decodes all of it again: that was counted by the one before.
        guard position.piece == 0 || rules.strict else { return }
        try invalidUTF8(at: offset, line: knowsLines ? position.line + 1 : nil)
        noteReplaced(count)
    }

    private func trimLineText() {
        guard let end = lineText.lastIndex(where: { !ASCII.isSpace($0) }) else { return lineText.removeAll() }
        lineText.removeLast(lineText.count - 1 - end)
        if let start = lineText.firstIndex(where: { !ASCII.isSpace($0) }), start > 0 { lineText.removeFirst(start) }
    }

    func reject(_ kind: CorpusWarning.Kind, _ reason: String) throws {
        if rules.strict {
            throw CorpusError.badLine(path: file.path, line: position.line + 1, reason: reason)
        }
        report.add(
            knowsLines
                ? CorpusWarning(kind, path: file.path, line: position.line + 1, "\(reason); skipped")
                : CorpusWarning(kind, path: file.path, offset: position.offset, "\(reason); skipped"))
        tally.rows += 1
        try countUnusable()
    }
}
