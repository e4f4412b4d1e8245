/// How much a reader is willing to believe: bounds on what a damaged or hostile checkpoint can make it allocate.
///
/// Tensors are decoded into memory of the caller, so their size needs no bound here.
public struct ReadingLimits: Sendable {
    /// Largest `manifest.json` that is read into memory, in bytes.
    public var manifestBytes = 64 << 20
    /// Largest document that is read into memory, in bytes.
    public var documentBytes = 4 << 30

    public init() {}
}
