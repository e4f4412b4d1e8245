/// How ranks reach one another: numbered processes, or threads in tests, that send and receive bytes.
///
/// Messages between two ranks with the same tag, from 0 to 32767, arrive in the order in which they were sent. All calls of a rank come from one
/// thread at a time.
public protocol RankTransport: AnyObject, Sendable {
    /// This one, from 0.
    var rank: Int { get }
    var rankCount: Int { get }

    /// Begins to send. The bytes must stay as they are until the transfer is done.
    func send(_ bytes: UnsafeRawBufferPointer, to rank: Int, tag: Int) throws -> RankTransfer

    /// Begins to receive.
    ///
    /// - Parameters:
    ///   - bytes: of the message's length, or longer.
    ///   - rank: nil for whoever sends first.
    func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int?, tag: Int) throws -> RankTransfer

    /// Whether a transfer has come to its end, after which it must not be asked for again.
    func isDone(_ transfer: RankTransfer) throws -> Bool

    /// Gives up receiving.
    func cancel(_ transfer: RankTransfer)

    /// Ends the connection, once nothing is under way any more.
    func finish()

    /// Ends all ranks, without waiting for one that hangs. Ranks that are processes do not return from it, and exit with status 1.
    func abort()
}

/// A message under way.
public struct RankTransfer: Sendable {
    package let slot: Int
}
