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

    public init(fraction: Double) {
        self.fraction = fraction
    }

    /// - Parameter text: the document's text as UTF-8, or its first piece.
    public func isHeldOut(_ text: UnsafeRawBufferPointer) -> Bool {
        guard fraction > 0 else { return false }
        let prefix = UnsafeRawBufferPointer(rebasing: text.prefix(Self.prefixBytes))
        return Double(XXHash64.hash(prefix, seed: Self.hashSeed) >> 11) * 0x1p-53 < fraction
    }
}
