/// A sequence of whole segments.
public struct PackedSequence: Codable, Equatable, Sendable {
    /// Token ids, `[CLS]` and `[SEP]` of the segments included.
    public var tokens: [Int32] = []
    /// Where each segment starts in `tokens`.
    public var segmentStarts: [Int] = []
    /// Where the second half of each segment starts in `tokens`, 0 for a single one; nil in a run without pairs.
    public var secondStarts: [Int]?
    /// Sequences that were complete when this one was opened.
    public var opened: Int64 = 0

    public init() {}
}

/// Puts segments together into sequences, none of them divided.
///
/// A segment goes to the open sequence that it fills best. Only if it fits nowhere is another one opened; to keep their
/// number bounded, the fullest is then closed. One that has been open for long is closed as it is, or its documents
/// might wait for ever. Placing a segment closes at most one sequence, so that between two segments there is nothing to
/// remember but the open sequences.
package struct SequencePacker {
    /// Sequences that may be open: enough for segments of almost any length to find their match.
    package static let openLimit = 64
    /// Sequences that may become complete before one that is open.
    package static let patience: Int64 = 1024

    let sequenceLength: Int
    let classificationID: Int32
    let separatorID: Int32
    /// Whether segments may be pairs.
    let pairs: Bool
    /// Open sequences, oldest first.
    package internal(set) var open: [PackedSequence]
    /// Sequences that have become complete.
    private(set) var completed: Int64

    package init(
        sequenceLength: Int, classificationID: Int32, separatorID: Int32, pairs: Bool = false,
        open: [PackedSequence] = [], completed: Int64 = 0
    ) {
        self.sequenceLength = sequenceLength
        self.classificationID = classificationID
        self.separatorID = separatorID
        self.pairs = pairs
        self.open = open
        self.completed = completed
    }

    /// Most tokens of text in a segment.
    package var maximumContent: Int { sequenceLength - 2 }

    /// Adds `[CLS] content [SEP]`, or `[CLS] first [SEP] second [SEP]`.
    ///
    /// - Parameters:
    ///   - content: 1 to `maximumContent` tokens, one less for a pair.
    ///   - second: index in `content` of the second half; only with `pairs`.
    /// - Returns: a sequence that is complete.
    package mutating func place(_ content: ArraySlice<Int32>, second: Int? = nil) -> PackedSequence? {
        let closed = insert(content, second) ?? overdue()
        if closed != nil { completed += 1 }
        return closed
    }

    private mutating func insert(_ content: ArraySlice<Int32>, _ second: Int?) -> PackedSequence? {
        let length = content.count + (second == nil ? 2 : 3)
        var best: Int?
        var leastRoom = Int.max
        var fullest = 0
        for index in open.indices {
            let room = sequenceLength - open[index].tokens.count
            if room >= length && room < leastRoom { (best, leastRoom) = (index, room) }
            if open[index].tokens.count > open[fullest].tokens.count { fullest = index }
        }
        if let best {
            append(content, second, to: &open[best])
            return leastRoom == length ? open.remove(at: best) : nil
        }
        var sequence = PackedSequence()
        sequence.tokens.reserveCapacity(sequenceLength)
        sequence.opened = completed
        append(content, second, to: &sequence)
        if length == sequenceLength { return sequence }
        let closed = open.count < Self.openLimit ? nil : overdue() ?? open.remove(at: fullest)
        open.append(sequence)
        return closed
    }

    /// The oldest open sequence, if it has waited for long.
    private mutating func overdue() -> PackedSequence? {
        guard let oldest = open.first, completed - oldest.opened >= Self.patience else { return nil }
        return open.removeFirst()
    }

    /// Closes the oldest open sequence.
    package mutating func flush() -> PackedSequence? {
        open.isEmpty ? nil : open.removeFirst()
    }

    private func append(_ content: ArraySlice<Int32>, _ second: Int?, to sequence: inout PackedSequence) {
        precondition(second == nil || pairs, "a pair in a run without pairs")
        sequence.segmentStarts.append(sequence.tokens.count)
        sequence.tokens.append(classificationID)
        if let second {
            sequence.tokens.append(contentsOf: content[..<second])
            sequence.tokens.append(separatorID)
            sequence.secondStarts = (sequence.secondStarts ?? []) + [sequence.tokens.count]
            sequence.tokens.append(contentsOf: content[second...])
        } else {
            if pairs { sequence.secondStarts = (sequence.secondStarts ?? []) + [0] }
            sequence.tokens.append(contentsOf: content)
        }
        sequence.tokens.append(separatorID)
    }
}

extension PackedSequence {
    /// Token types, 0 and 1, `[tokens]`; empty in a run without pairs.
    var tokenTypes: [Int32] {
        guard let secondStarts else { return [] }
        var types = [Int32](repeating: 0, count: tokens.count)
        let ends = segmentStarts.dropFirst() + [tokens.count]
        for (second, end) in zip(secondStarts, ends) where second > 0 {
            for index in second..<end { types[index] = 1 }
        }
        return types
    }
}

extension TokenBatch {
    /// Adds a sequence at the end.
    package mutating func append(_ sequence: PackedSequence) {
        let start = tokens.count
        tokens.append(contentsOf: sequence.tokens)
        let types = sequence.tokenTypes
        if !types.isEmpty || !tokenTypes.isEmpty {
            tokenTypes += [Int32](repeating: 0, count: start - tokenTypes.count)
            tokenTypes += types.isEmpty ? [Int32](repeating: 0, count: sequence.tokens.count) : types
        }
        for offset in sequence.segmentStarts.dropFirst() { segmentOffsets.append(start + offset) }
        segmentOffsets.append(tokens.count)
        sequenceOffsets.append(tokens.count)
    }
}
