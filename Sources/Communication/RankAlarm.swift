import Foundation

/// What a rank tells the others when it cannot go on with a step.
public struct RankAlarm: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: Codable, Equatable, Sendable {
        /// By a signal, with its number.
        case stopped(signal: Int32)
        case failed(reason: String)
        /// Another rank has not been heard of for too long.
        case lost(rank: Int, reason: String)
    }

    public var rank: Int
    public var host: String
    /// That is given up; those before are finished.
    public var step: Int
    public var kind: Kind

    public var description: String {
        switch kind {
        case .stopped(let signal): "rank \(rank) on \(host) was stopped by signal \(signal)"
        case .failed(let reason), .lost(_, let reason): "rank \(rank) on \(host): \(reason)"
        }
    }

    /// Of the message that it is.
    static let byteCount = 4096

    private struct Content: Codable {
        var rank: Int
        var host: String
        var step: Int
        var kind: Kind
    }

    init(rank: Int, host: String, step: Int, kind: Kind) {
        self.rank = rank
        self.host = host
        self.step = step
        self.kind = kind
    }

    init(bytes: UnsafeRawBufferPointer) {
        let length = Int(bytes.loadUnaligned(as: Int32.self))
        let data = Data(bytes[4..<4 + min(max(0, length), bytes.count - 4)])
        let content = try? JSONDecoder().decode(Content.self, from: data)
        rank = content?.rank ?? -1
        host = content?.host ?? "?"
        step = content?.step ?? 0
        kind = content?.kind ?? .failed(reason: "it has sent an alarm that cannot be read")
    }

    func write(_ bytes: UnsafeMutableRawBufferPointer) {
        func encoded(_ kind: Kind) -> Data {
            let content = Content(rank: rank, host: String(host.prefix(256)), step: step, kind: kind)
            return (try? JSONEncoder().encode(content)) ?? Data()
        }
        var data = encoded(kind)
        if data.count > bytes.count - 4, case .failed(let reason) = kind {
            data = encoded(.failed(reason: String(reason.prefix(500)) + " …"))
        }
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        bytes.storeBytes(of: Int32(data.count), as: Int32.self)
        UnsafeMutableRawBufferPointer(rebasing: bytes[4...]).copyBytes(from: data.prefix(bytes.count - 4))
    }
}
