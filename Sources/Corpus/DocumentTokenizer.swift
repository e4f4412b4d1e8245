/// Turns documents into token ids; what the loader needs to know of a tokenizer.
public protocol DocumentTokenizer: Sendable {
    /// An encoder with its own scratch memory, used by one thread at a time.
    func makeEncoder() -> any DocumentEncoder

    /// Id of the token that opens every segment, `[CLS]`.
    var classificationID: Int32 { get }
    /// Id of the token that closes every segment, `[SEP]`.
    var separatorID: Int32 { get }
    /// Id of `[PAD]`. The loader never emits it: sequences are packed without padding.
    var paddingID: Int32 { get }
    /// Ids are below it.
    var vocabularySize: Int { get }
    /// Id of the token that stands for text which no other has, `[UNK]`; nil where there is none. Counted in the report.
    var unknownID: Int32? { get }
}

extension DocumentTokenizer {
    public var unknownID: Int32? { nil }

    /// How many tokens of a text stand for what no other token has.
    func unknownCount(_ tokens: some Sequence<Int32>) -> Int {
        guard let unknownID else { return 0 }
        return tokens.reduce(0) { $1 == unknownID ? $0 + 1 : $0 }
    }
}

/// The part of a tokenizer that one thread owns.
public protocol DocumentEncoder {
    /// Appends the ids of a document's text, without `[CLS]` and `[SEP]`.
    ///
    /// The ids may depend on nothing but the bytes: the loader encodes a document again after a resume.
    mutating func encode(_ bytes: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32])

    /// The same tokens, and how many of them begin before each of some offsets into the bytes, ascending.
    mutating func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32], countingBefore offsets: [Int]
    ) -> [Int]
}
