/// Cuts a text into the pieces that a WordPiece or a Unigram puts together from tokens.
struct PieceCutter: Sendable {
    let steps: [PreTokenizerStep]

    /// Reads `pre_tokenizer` of tokenizer.json; without one a text is one piece.
    ///
    /// - Throws: `TokenizerError`, for what is malformed or unsupported.
    init(_ json: JSONValue?) throws(TokenizerError) {
        guard let json, !json.isNull else {
            steps = []
            return
        }
        steps = try PreTokenizerStep.read(json)
        for step in steps {
            if case .byteLevel = step {
                throw .unsupported(component: "pre_tokenizer", problem: "a ByteLevel before a WordPiece or a Unigram")
            }
        }
    }

    /// The pieces of a part of a text, which itself gets the signs that stand for spaces.
    ///
    /// - Returns: where the pieces are in the text afterwards.
    func cut(_ text: inout AlignedText) -> [Range<Int>] {
        var pieces = text.isEmpty ? [] : [0..<text.scalars.count]
        for step in steps {
            guard case .metaspace(let metaspace) = step else {
                pieces = Self.cut(text.scalars, pieces, step)
                continue
            }
            let sources = text.sources
            pieces = text.mark(pieces, with: metaspace.sign) { piece in
                switch metaspace.prepends {
                case .always: true
                case .first: sources[piece.lowerBound].lowerBound == 0
                case .never: false
                }
            }
            if metaspace.splits {
                pieces = Self.cut(text.scalars, pieces, .sign(metaspace.sign))
            }
        }
        return pieces
    }

    private static func cut(
        _ scalars: [UInt32], _ pieces: [Range<Int>], _ step: PreTokenizerStep
    ) -> [Range<Int>] {
        scalars.withUnsafeBufferPointer { buffer in
            var result: [Range<Int>] = []
            for piece in pieces {
                for part in step.cut(UnsafeBufferPointer(rebasing: buffer[piece])) where !part.isEmpty {
                    result.append((part.lowerBound + piece.lowerBound)..<(part.upperBound + piece.lowerBound))
                }
            }
            return result
        }
    }
}

/// SentencePiece's way with spaces: a visible sign in place of each, and one before the text.
struct Metaspace: Sendable {
    enum Prepending: String, Sendable {
        /// To every piece that begins with no space.
        case always
        /// To that at the very beginning of a text.
        case first
        case never
    }

    let sign: UInt32
    let prepends: Prepending
    /// Whether pieces are divided before each sign.
    let splits: Bool

    /// - Throws: `TokenizerError.invalid`.
    init(_ component: JSONComponent) throws(TokenizerError) {
        let text = component.optional("replacement") == nil ? "▁" : try component.string("replacement")
        guard let sign = text.unicodeScalars.first, text.unicodeScalars.count == 1 else {
            throw .invalid(component: component.name, problem: "`replacement` must be one character")
        }
        self.sign = sign.value
        let name = component.optional("prepend_scheme") == nil ? nil : try component.string("prepend_scheme")
        var scheme = Prepending.always
        if let name {
            guard let named = Prepending(rawValue: name) else {
                throw .invalid(component: component.name, problem: "`prepend_scheme` \(name) is unknown")
            }
            scheme = named
        }
        // As files of old say it.
        if try !component.bool("add_prefix_space", default: true) {
            guard name == nil || scheme == .never else {
                throw .invalid(component: component.name, problem: "`add_prefix_space` and `prepend_scheme` disagree")
            }
            scheme = .never
        }
        prepends = scheme
        splits = try component.bool("split", default: true)
    }
}
