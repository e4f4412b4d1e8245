import Communication
import Foundation
import Synchronization
import Testing

/// Ranks that are threads.
@Suite("A group of ranks")
struct RankGroupTests {
    /// Runs every rank on a thread of its own.
    ///
    /// - Returns: what each has returned or thrown.
    static func threads<Value: Sendable>(
        _ count: Int, patience: RankGroup.Patience = .init(report: 60, limit: 60),
        _ body: @escaping @Sendable (RankGroup) throws -> Value
    ) throws -> [Result<Value, any Error>] {
        let results = Mutex([Result<Value, any Error>?](repeating: nil, count: count))
        let transports = ThreadTransport.ranks(count)
        let done = DispatchSemaphore(value: 0)
        for transport in transports {
            Thread {
                let result = Result {
                    let group = try RankGroup(transport, host: "host\(transport.rank / 2)", patience: patience)
                    defer { group.finish() }
                    return try body(group)
                }
                results.withLock { $0[transport.rank] = result }
                done.signal()
            }.start()
        }
        for _ in transports { done.wait() }
        return results.withLock { $0.map { $0! } }
    }

    @Test("Everybody gets what one or all have", arguments: [1, 2, 3, 4, 7, 8])
    func together(count: Int) throws {
        let results = try Self.threads(count) { group -> [[Data]] in
            let own = Data((0..<group.rank * 1000).map { UInt8(truncatingIfNeeded: $0 + group.rank) })
            return try (1...3).map { step in
                group.step = step
                let all = try group.allGather(own, for: "a test")
                let first = try group.broadcast(Data("from \(group.rank), \(step)".utf8), for: "a test")
                return all + [first]
            }
        }
        let expected = (1...3).map { step in
            (0..<count).map { rank in Data((0..<rank * 1000).map { UInt8(truncatingIfNeeded: $0 + rank) }) }
                + [Data("from 0, \(step)".utf8)]
        }
        for result in results { #expect(try result.get() == expected) }
    }

    @Test("All know all hosts")
    func hosts() throws {
        for result in try Self.threads(3, { $0.hosts }) { #expect(try result.get() == ["host0", "host0", "host1"]) }
    }

    @Test("Everybody sends everybody something, all at once")
    func exchange() throws {
        let results = try Self.threads(5) { group -> [Int32] in
            group.step = 7
            var sent = (0..<5).map { Int32(100 * group.rank + $0) }
            var received = [Int32](repeating: -1, count: 5)
            try sent.withUnsafeMutableBytes { sent in
                try received.withUnsafeMutableBytes { received in
                    var messages: [RankGroup.Message] = []
                    for other in 0..<5 where other != group.rank {
                        let place = 4 * other..<4 * other + 4
                        messages += try group.receive(
                            UnsafeMutableRawBufferPointer(rebasing: received[place]), from: other, .gradients)
                        messages += try group.send(
                            UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(sent)[place]), to: other, .gradients
                        )
                    }
                    try group.wait(messages, for: "a test")
                }
            }
            #expect(group.sentBytes >= 16)
            return received
        }
        for (rank, result) in results.enumerated() {
            let expected = (0..<5).map { $0 == rank ? -1 : Int32(100 * $0 + rank) }
            #expect(try result.get() == expected)
        }
    }

    @Test("Who cannot go on tells all others, who then do not wait for it")
    func alarm() throws {
        let results = try Self.threads(3) { group -> Bool in
            group.step = 4
            if group.rank == 1 {
                group.raise(.failed(reason: "the disk is full " + String(repeating: "x", count: 9000)))
                return false
            }
            _ = try group.allGather(Data([1]), for: "a test")
            return true
        }
        #expect(try results[1].get() == false)
        for rank in [0, 2] {
            let error = #expect(throws: RankAlarm.self) { try results[rank].get() }
            #expect(error?.rank == 1 && error?.host == "host0" && error?.step == 4)
            #expect("\(error!)".hasPrefix("rank 1 on host0: the disk is full xxx"))
            #expect("\(error!)".utf8.count < 4096)
        }
    }

    @Test("An alarm in the next step does not break off this one")
    func laterAlarm() throws {
        let results = try Self.threads(3) { group -> [Int] in
            group.step = 1
            // The second rank is done with step 1 once it has sent what the others need for it.
            if group.rank == 1 {
                _ = try group.gather(Data([1]), for: "a test")
                group.step = 2
                group.raise(.stopped(signal: 15))
                return []
            }
            usleep(50_000)
            var steps: [Int] = []
            do {
                if group.rank == 0 { steps.append(try group.gather(Data([1]), for: "a test").count) }
                if group.rank == 2 { steps.append(try group.gather(Data([1]), for: "a test").count) }
                group.step = 2
                _ = try group.broadcast(Data(), for: "a test", isLimited: true)
                while true { try group.check() }
            } catch let alarm as RankAlarm {
                #expect(alarm.kind == .stopped(signal: 15) && alarm.rank == 1)
            }
            return steps
        }
        #expect(try results[0].get() == [3])
        #expect(try results[2].get() == [0])
    }

    @Test("Who hangs is named, at first as news, then as an error")
    func silence() throws {
        let results = try Self.threads(2, patience: .init(report: 0.05, limit: 0.4)) { group -> [String] in
            if group.rank == 1 {
                usleep(700_000)
                return []
            }
            var news: [String] = []
            group.report = { news.append($0) }
            let error = #expect(throws: CommunicationError.self) {
                _ = try group.gather(Data(), for: "the gradients")
            }
            guard case .silent(1, "host0", _, "the gradients") = error else {
                Issue.record("another error: \(String(describing: error))")
                return []
            }
            return news
        }
        let news = try results[0].get()
        #expect(news.count >= 2)
        #expect(news.allSatisfy { $0.contains("the gradients of rank 1 on host0") })
    }

    @Test("Whoever is late from the very first message is named")
    func silenceAtTheBeginning() throws {
        let transports = ThreadTransport.ranks(2)
        let done = DispatchSemaphore(value: 0)
        Thread {
            usleep(200_000)
            try? RankGroup(transports[1], host: "b").finish()
            done.signal()
        }.start()
        var news: [String] = []
        let group = try RankGroup(transports[0], host: "a", patience: .init(report: 0.05, limit: 60)) {
            news.append($0)
        }
        group.finish()
        done.wait()
        #expect(news.first?.contains("the names of all hosts of rank 1") == true)
    }

    @Test("Who waits for a rank itself gives it up, and tells those who wait for another one because of it")
    func chains() throws {
        let results = try Self.threads(3, patience: .init(report: 60, limit: 1)) { group -> Int? in
            group.step = 3
            if group.rank == 2 {
                usleep(2_500_000)
                return nil
            }
            #expect(group.lostRank == nil)
            do {
                _ = try group.allGather(Data([1]), for: "the losses")
                Issue.record("rank \(group.rank) has not noticed")
            } catch CommunicationError.silent(let rank, _, _, _) {
                #expect(group.rank == 0 && rank == 2)
            } catch let alarm as RankAlarm {
                #expect(group.rank == 1 && alarm.rank == 0 && alarm.step == 3)
                guard case .lost(2, let reason) = alarm.kind else {
                    Issue.record("another alarm: \(alarm)")
                    return nil
                }
                #expect(reason.contains("rank 2 on host1 has not been heard of"))
            }
            return group.lostRank
        }
        #expect(try results[0].get() == 2)
        #expect(try results[1].get() == 2)
    }

    @Test("The first rank may take its time where it is told so; the second says that all wait")
    func unhurried() throws {
        func wait(_ patience: RankGroup.Patience) throws -> [Result<[String], any Error>] {
            try Self.threads(3, patience: patience) { group in
                var news: [String] = []
                group.report = { news.append($0) }
                if group.rank == 0 { usleep(2_000_000) }
                _ = try group.broadcast(Data([1]), for: "the next step", isLimited: false)
                return news
            }
        }
        let patient = try wait(.init(report: 0.05, limit: 1))
        #expect(try patient[0].get().isEmpty)
        #expect(try patient[2].get().isEmpty)
        let news = try patient[1].get()
        #expect(!news.isEmpty)
        #expect(news.allSatisfy { $0.contains("for the next step: rank 0 on host0 evaluates") })

        let limited = try wait(.init(report: 60, limit: 60, firstRankLimit: 0.2))
        // One of the two gives it up, and the other may have heard of it by then.
        let silences = limited[1...].filter { result in
            do {
                _ = try result.get()
                return false
            } catch CommunicationError.silent(0, "host0", _, "the next step") {
                return true
            } catch {
                return false
            }
        }
        #expect(!silences.isEmpty)
    }

    @Test("What follows a loss is not waited for long")
    func afterLoss() throws {
        let patience = RankGroup.Patience(report: 60, limit: 1, limitAfterLoss: 0.1)
        let results = try Self.threads(2, patience: patience) { group -> Bool in
            if group.rank == 0 {
                usleep(3_000_000)
                _ = try group.broadcast(Data([1]), for: "the next step", isLimited: false)
                return true
            }
            // Stays, as the message may come after all.
            let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
            #expect(throws: CommunicationError.self) {
                try group.wait(try group.receive(bytes, from: 0, .weights), for: "the weights")
            }
            #expect(group.lostRank == 0)
            // As long as it takes, if nobody were lost.
            #expect(throws: CommunicationError.self) {
                _ = try group.broadcast(Data(), for: "the next step", isLimited: false)
            }
            return true
        }
        #expect(try results[1].get())
    }

    @Test("The environment may ask for another limit of all waits")
    func patience() throws {
        typealias Patience = RankGroup.Patience
        #expect(try Patience.asked([:]) == Patience(report: 30, limit: 1800, firstRankLimit: .infinity))
        #expect(try Patience.asked([Patience.variable: ""]) == Patience())
        #expect(
            try Patience.asked([Patience.variable: "20"]) == Patience(report: 5, limit: 20, firstRankLimit: 20))
        #expect(
            try Patience.asked([Patience.variable: "7200"]) == Patience(report: 30, limit: 7200, firstRankLimit: 7200))
        for nonsense in ["soon", "0", "-5", "nan", "inf"] {
            let error = #expect(throws: CommunicationError.self) {
                try Patience.asked([Patience.variable: nonsense])
            }
            #expect(error == CommunicationError.badPatience(nonsense))
            #expect("\(error!)".contains("PRETRAIN_MPI_PATIENCE is \(nonsense)"))
        }
    }
}
