import Formatting
import Foundation

/// Ranks that work on one run in step: what they send one another, and what becomes of it when one of them stops, fails or hangs.
///
/// Used from one thread at a time. Every wait also listens for alarms: a rank that cannot go on tells all others at once, so
/// that none waits for what will not come.
public final class RankGroup {
    public let transport: any RankTransport
    public var rank: Int { transport.rank }
    public var count: Int { transport.rankCount }
    /// Whether this is the rank that writes and reports.
    public var leads: Bool { rank == 0 }
    /// The machine of every rank.
    public private(set) var hosts: [String] = []
    public var patience: Patience
    /// Told of every message that has left or arrived, while somebody wants to know.
    public var observer: ((MessageRecord) -> Void)?
    /// Told of waits that take long.
    public var report: (String) -> Void
    /// The step that is under way: alarms of later ones are not for it.
    public var step = 0
    /// Whether the step under way was given up: what was sent for it is not taken for anything else, and alarms are heard no
    /// longer.
    public private(set) var hasGivenUp = false
    /// A rank that this one has given up, or has heard that another has. The run cannot go on, and nobody is waited for long any
    /// more.
    public private(set) var lostRank: Int?
    /// Seconds waited so far.
    public private(set) var waitedSeconds = 0.0
    private var sentBytesByKind: [MessageKind: Int] = [:]

    private let alarmBytes = UnsafeMutableRawBufferPointer.allocate(byteCount: RankAlarm.byteCount, alignment: 16)
    private var alarmTransfer: RankTransfer?
    private var alarms: [RankAlarm] = []
    /// Whether all have been told that the run is over, so that nobody listens any more.
    public var isOver = false
    /// Whether this rank has told the others that it gives up.
    public private(set) var hasRaised = false
    /// What was sent and must stay where it is until it has left.
    private var leaving: [(transfer: RankTransfer, bytes: UnsafeMutableRawBufferPointer)] = []

    /// - Parameters:
    ///   - patience: nil for what the environment asks for.
    ///   - report: told of waits that take long, from the first one on.
    /// - Throws: `CommunicationError`.
    public init(
        _ transport: any RankTransport, host: String = ProcessInfo.processInfo.hostName, patience: Patience? = nil,
        report: @escaping (String) -> Void = { _ in }
    ) throws {
        self.transport = transport
        self.report = report
        self.patience = try patience ?? .asked(ProcessInfo.processInfo.environment)
        hosts = (0..<transport.rankCount).map { "rank \($0)" }
        try listen()
        hosts = try allGather(Data(host.utf8), for: "the names of all hosts").map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    deinit { alarmBytes.deallocate() }

    /// Ends the connection. Every rank has to.
    ///
    /// A lost rank never would, and would be waited for once more: then all processes are ended, this one too, with status 1.
    public func finish() {
        if lostRank != nil { return transport.abort() }
        if let alarmTransfer { transport.cancel(alarmTransfer) }
        alarmTransfer = nil
        transport.finish()
    }

    // MARK: Messages

    /// A message under way, with the rank at its other end.
    public struct Message {
        fileprivate let transfer: RankTransfer
        fileprivate let rank: Int
        fileprivate var isReceived = false
        fileprivate let kind: MessageKind
        fileprivate let byteCount: Int
        /// Where somebody wants to know.
        fileprivate let started: UInt64
    }

    private func message(
        _ transfer: RankTransfer, _ rank: Int, _ kind: MessageKind, _ byteCount: Int, isReceived: Bool
    ) -> Message {
        Message(
            transfer: transfer, rank: rank, isReceived: isReceived, kind: kind, byteCount: byteCount,
            started: observer == nil ? 0 : DispatchTime.now().uptimeNanoseconds)
    }

    /// Whether a message is under way no longer.
    private func isDone(_ message: Message) throws -> Bool {
        guard try transport.isDone(message.transfer) else { return false }
        if let observer, message.started > 0 {
            observer(
                MessageRecord(
                    kind: message.kind, rank: message.rank, isReceived: message.isReceived,
                    byteCount: message.byteCount, started: message.started, ended: DispatchTime.now().uptimeNanoseconds)
            )
        }
        return true
    }

    /// The most bytes of a message; longer ones are several.
    private static let largestMessage = 1 << 30

    /// Begins to send bytes, which have to stay as they are until the messages have been waited for.
    public func send(_ bytes: UnsafeRawBufferPointer, to rank: Int, _ kind: MessageKind) throws -> [Message] {
        sentBytesByKind[kind, default: 0] += bytes.count
        return try pieces(bytes.count).map { piece in
            message(
                try transport.send(UnsafeRawBufferPointer(rebasing: bytes[piece]), to: rank, tag: tag(kind)), rank,
                kind, piece.count, isReceived: false)
        }
    }

    /// Bytes sent so far.
    public var sentBytes: Int { sentBytesByKind.values.reduce(0, +) }

    /// Bytes sent so far in messages of a kind.
    public func sentBytes(of kind: MessageKind) -> Int { sentBytesByKind[kind] ?? 0 }

    /// Begins to receive as many bytes as there are sent.
    public func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int, _ kind: MessageKind) throws -> [Message]
    {
        try pieces(bytes.count).map { piece in
            message(
                try transport.receive(
                    UnsafeMutableRawBufferPointer(rebasing: bytes[piece]), from: rank, tag: tag(kind)), rank, kind,
                piece.count, isReceived: true)
        }
    }

    private func pieces(_ count: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: Self.largestMessage).map { $0..<min($0 + Self.largestMessage, count) }
    }

    /// Messages of a step that was broken off must not be taken for those of another.
    private func tag(_ kind: MessageKind) -> Int {
        // Ranks need not have given up in the same step.
        kind.rawValue << 12 | (hasGivenUp ? 0xfff : 2 * step & 0xfff)
    }

    /// Looks how far messages are, without waiting.
    ///
    /// - Parameter messages: of which those stay that are still under way.
    /// - Throws: as `wait`.
    public func progress(_ messages: inout [Message]) throws {
        messages = try messages.filter { try !isDone($0) }
        try hear()
    }

    /// Gives a message bytes of its own, which stay where they are for good if it does not get through: it may still be under way.
    private func keeping<Result>(
        _ data: Data, _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) throws -> Result {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: data.count, alignment: 16)
        data.copyBytes(to: copy)
        let result = try body(copy)
        copy.deallocate()
        return result
    }

    /// The length of data, which goes before it.
    private static func header(_ data: Data) -> Data { withUnsafeBytes(of: Int64(data.count)) { Data($0) } }

    /// Gives up what was to be received.
    public func cancel(_ messages: [Message]) {
        // MPI waits for what has begun to arrive, and of a lost rank it would for ever. All end soon.
        guard lostRank == nil else { return }
        for message in messages where message.isReceived { transport.cancel(message.transfer) }
    }

    /// Waits until messages have been sent or have arrived.
    ///
    /// - Parameter what: is waited for, for people.
    /// - Throws: `RankAlarm` where a rank has given up this step, `CommunicationError`.
    public func wait(_ messages: [Message], for what: @autoclosure () -> String) throws {
        try wait(messages, for: what, .direct)
    }

    /// Whom a wait is for.
    private enum Wait {
        /// Those at the other ends.
        case direct
        /// The first rank, which may have to wait for others, and whose message others may have to pass on.
        case relayed
        /// The first rank likewise, which may take its time.
        case unhurried
    }

    private func wait(_ messages: [Message], for what: () -> String, _ kind: Wait) throws {
        let start = ContinuousClock.now
        var open = messages
        // Evaluations and checkpoints that take a minute are nothing to speak of.
        var nextReport = patience.report * (kind == .unhurried ? 4 : 1)
        var polls = 0
        // What will not be waited for any more must not arrive in memory that may be somebody else's by then.
        defer { if !open.isEmpty { cancel(open) } }
        while true {
            open = try open.filter { try !isDone($0) }
            if open.isEmpty { break }
            try hear()
            polls += 1
            let seconds = start.duration(to: .now).seconds
            if seconds > nextReport {
                nextReport *= 2
                reportWait(seconds, for: what(), open, kind)
            }
            if seconds > limit(of: kind), let other = open.first?.rank {
                throw lose(kind == .direct ? other : 0, after: seconds, waitingFor: what())
            }
            // At first without sleep, as messages take microseconds; then without taking a processor from those who compute.
            if seconds > 0.1 { usleep(500) } else if polls > 2000 { usleep(50) } else { sched_yield() }
        }
        waitedSeconds += start.duration(to: .now).seconds
    }

    private func limit(of kind: Wait) -> Double {
        let limit = kind == .unhurried ? patience.firstRankLimit : patience.limit
        // Whoever waits for a rank itself is to give it up first, since it knows which one it is.
        let seconds = kind == .direct ? limit : 1.5 * limit
        return lostRank == nil ? seconds : min(seconds, patience.limitAfterLoss)
    }

    private func reportWait(_ seconds: Double, for what: String, _ open: [Message], _ kind: Wait) {
        let time = DurationFormat.text(seconds)
        guard kind == .unhurried else {
            let others = kind == .direct ? Set(open.map(\.rank)).sorted() : [0]
            let names = others.map { "rank \($0) on \(hosts[$0])" }.joined(separator: ", ")
            return report("waiting for \(time) for \(what) of \(names)")
        }
        // All wait for the same: the second speaks for them.
        if rank == 1 {
            report("waiting for \(time) for \(what): rank 0 on \(hosts[0]) evaluates, writes or prepares, or it hangs")
        }
    }

    /// Gives up a rank, and tells all others.
    private func lose(_ other: Int, after seconds: Double, waitingFor what: String) -> CommunicationError {
        let error = CommunicationError.silent(rank: other, host: hosts[other], seconds: seconds, waitingFor: what)
        if lostRank == nil {
            lostRank = other
            raise(.lost(rank: other, reason: "\(error)"))
        }
        return error
    }

    // MARK: Alarms

    private func listen() throws {
        alarmTransfer = try transport.receive(alarmBytes, from: nil, tag: MessageKind.alarm.rawValue << 12)
    }

    /// - Throws: an alarm that concerns the step under way.
    private func hear() throws {
        while let transfer = alarmTransfer, try transport.isDone(transfer) {
            alarmTransfer = nil
            let alarm = RankAlarm(bytes: UnsafeRawBufferPointer(alarmBytes))
            if case .lost(let other, _) = alarm.kind, lostRank == nil { lostRank = other }
            alarms.append(alarm)
            try listen()
        }
        if !hasGivenUp, let alarm = alarms.first(where: { $0.step <= step }) { throw alarm }
    }

    /// Looks for alarms without waiting.
    ///
    /// - Throws: an alarm that concerns the step under way.
    public func check() throws { try hear() }

    /// Tells all others that this rank gives up the step under way.
    public func raise(_ kind: RankAlarm.Kind) {
        hasRaised = true
        let alarm = RankAlarm(rank: rank, host: hosts[rank], step: step, kind: kind)
        for other in 0..<count where other != rank {
            let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: RankAlarm.byteCount, alignment: 16)
            alarm.write(bytes)
            // Whoever cannot be reached will find out by itself.
            guard
                let transfer = try? transport.send(
                    UnsafeRawBufferPointer(bytes), to: other, tag: MessageKind.alarm.rawValue << 12)
            else { continue }
            leaving.append((transfer, bytes))
        }
    }

    /// Gives up the step under way, as all ranks do that have raised or heard an alarm. What follows is the end: bringing together
    /// what the finished steps have come to.
    public func giveUp() { hasGivenUp = true }

    // MARK: All together

    /// Gives everybody what the first rank has: down a tree, whoever has it sends it on.
    ///
    /// - Parameter isLimited: whether the first rank may not take its time (`Patience.firstRankLimit`).
    /// - Throws: as `wait`.
    public func broadcast(_ bytes: UnsafeMutableRawBufferPointer, for what: String, isLimited: Bool = true) throws {
        var reach = 1
        while reach < count {
            if rank < reach, rank + reach < count {
                let sent = try send(UnsafeRawBufferPointer(bytes), to: rank + reach, .broadcast)
                try wait(sent, for: { what }, .direct)
            } else if rank >= reach, rank < 2 * reach {
                try wait(
                    try receive(bytes, from: rank - reach, .broadcast), for: { what }, isLimited ? .relayed : .unhurried
                )
            }
            reach *= 2
        }
    }

    /// Gives everybody what the first rank has.
    ///
    /// - Parameters:
    ///   - data: of the first rank; the others' is not looked at.
    ///   - isLimited: whether the first rank may not take its time.
    /// - Throws: as `wait`.
    public func broadcast(_ data: Data, for what: String, isLimited: Bool = true) throws -> Data {
        func shared(_ data: Data, isLimited: Bool) throws -> Data {
            try keeping(data) { bytes in
                try broadcast(bytes, for: what, isLimited: isLimited)
                return Data(bytes)
            }
        }
        let length = try shared(Self.header(data), isLimited: isLimited).withUnsafeBytes {
            $0.loadUnaligned(as: Int64.self)
        }
        return try shared(leads ? data : Data(count: Int(length)), isLimited: true)
    }

    /// Collects what everybody has.
    ///
    /// - Returns: by rank; with the first rank only, elsewhere an empty list.
    public func gather(_ data: Data, for what: String) throws -> [Data] {
        guard leads else {
            for part in [Self.header(data), data] {
                try keeping(part) { try wait(try send(UnsafeRawBufferPointer($0), to: 0, .gather), for: what) }
            }
            return []
        }
        var lengths = [Int64](repeating: 0, count: count)
        try lengths.withUnsafeMutableBytes { bytes in
            let messages = try (1..<count).flatMap { other in
                try receive(
                    UnsafeMutableRawBufferPointer(rebasing: bytes[other * 8..<other * 8 + 8]), from: other, .gather)
            }
            try wait(messages, for: what)
        }
        var result = [data]
        for other in 1..<count {
            var received = Data(count: Int(lengths[other]))
            try received.withUnsafeMutableBytes { try wait(try receive($0, from: other, .gather), for: what) }
            result.append(received)
        }
        return result
    }

    /// Gives everybody what everybody has, by rank.
    public func allGather(_ data: Data, for what: String) throws -> [Data] {
        let all = try gather(data, for: what)
        var joined = Data()
        for part in all { joined += Self.header(part) }
        for part in all { joined.append(part) }
        joined = try broadcast(joined, for: what)
        let lengths = joined.withUnsafeBytes { bytes in
            (0..<count).map { Int(bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)) }
        }
        var start = 8 * count
        return lengths.map { length in
            defer { start += length }
            return joined.subdata(in: start..<start + length)
        }
    }
}

/// A message that has left or arrived.
public struct MessageRecord: Sendable {
    public var kind: MessageKind
    /// At the other end.
    public var rank: Int
    public var isReceived: Bool
    public var byteCount: Int
    /// Nanoseconds of `DispatchTime.now()`: when it was sent, or when this rank was ready for it, and when that was seen to be over.
    public var started: UInt64
    public var ended: UInt64
}

/// What messages are about; a tag each.
public enum MessageKind: Int, Sendable {
    case broadcast, gather, gradients, weights, state
    case alarm = 7
}
