import Synchronization

/// Lets passes end early when nobody wants their result any more, as after a signal.
///
/// Layers ask before they begin. A pass that was cut leaves activations and gradients that mean nothing: who runs it has to
/// look at `wasCut` before using them.
public final class PassCancellation: Sendable {
    private let isAsked: @Sendable () -> Bool
    private let cut = Atomic(false)

    /// - Parameter isAsked: whether passes are to end; called from all workers, often.
    public init(_ isAsked: @escaping @Sendable () -> Bool) { self.isAsked = isAsked }

    /// Whether a pass has left something out.
    public var wasCut: Bool { cut.load(ordering: .acquiring) }

    /// Whether to leave out what comes next.
    public func cuts() -> Bool {
        guard wasCut || isAsked() else { return false }
        cut.store(true, ordering: .releasing)
        return true
    }
}
