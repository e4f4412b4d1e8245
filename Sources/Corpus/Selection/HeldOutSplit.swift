/// Decides from a document's text alone whether it is kept for evaluation.
///
/// Neither the order of documents nor the seed nor the other documents matter, so equal documents land on the same
/// side, and a document stays on its side as the corpus grows.
public struct HeldOutSplit: Sendable, Equatable {
    /// Bytes at the start of a document that decide. Long enough to tell documents apart that begin alike; documents
    /// that agree in all of them are taken for versions of one document.
    package static let prefixBytes = 16 << 10
    /// Permanent: another value would move documents between the sides.
    private static let hashSeed: UInt64 = 0x7072_6574_7261_696E

    /// Share of the documents that are held out.
    public let fraction: Double
    /// Share of the documents that are kept for a last test.
    public let testFraction: Double

    /// What a document is for.
    public enum Side: Sendable, Equatable {
        case training
        case heldOut
        case test
    }

    public init(fraction: Double, testFraction: Double = 0) {
        self.fraction = fraction
        self.testFraction = testFraction
    }

    /// - Parameter text: the document's text as UTF-8, or its first piece.
    ///
    /// Test documents are those whose hashes follow the held-out ones': these stay the same whatever the test's share.
    public func side(of text: UnsafeRawBufferPointer) -> Side {
        guard fraction > 0 || testFraction > 0 else { return .training }
        let place = Self.place(of: text)
        return place < fraction ? .heldOut : place < fraction + testFraction ? .test : .training
    }

    /// - Parameter text: the document's text as UTF-8, or its first piece.
    public func isHeldOut(_ text: UnsafeRawBufferPointer) -> Bool {
        side(of: text) == .heldOut
    }

    /// From 0 to 1, evenly spread.
    private static func place(of text: UnsafeRawBufferPointer) -> Double {
        let prefix = UnsafeRawBufferPointer(rebasing: text.prefix(prefixBytes))
        return Double(XXHash64.hash(prefix, seed: hashSeed) >> 11) * 0x1p-53
    }
}
