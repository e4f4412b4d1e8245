import Formatting

/// More memory is needed than there may be. Found out before it is asked for: neither the language's run-time system nor
/// OpenBLAS can do without memory that they ask for, the one ends the process, the other waits for ever.
public struct MemoryShortage: Error, Equatable, Sendable, CustomStringConvertible {
    /// What for, such as "the run".
    public var purpose: String
    public var needed: Int
    public var limit: MachineLimits.Memory
    /// What to do, beside raising the limit.
    public var advice: String

    public var description: String {
        "\(purpose) needs about \(ByteFormat.text(needed)) of memory and \(limit.source) \(ByteFormat.text(limit.bytes)): "
            + advice
    }
}

extension MachineLimits {
    /// Refuses what cannot work.
    ///
    /// - Parameters:
    ///   - bytes: that will be in use.
    ///   - reserved: that will be mapped beyond them.
    /// - Throws: `MemoryShortage`.
    public func check(_ purpose: String, bytes: Int, reserved: Int = 0, advice: String) throws {
        if bytes > resident.bytes {
            throw MemoryShortage(purpose: purpose, needed: bytes, limit: resident, advice: advice)
        }
        let needed = bytes.addingSaturated(reserved)
        if let mappable, needed > mappable.bytes {
            throw MemoryShortage(
                purpose: purpose, needed: needed, limit: mappable, advice: advice + ", or raise the limit")
        }
    }
}
