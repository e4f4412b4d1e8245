import Foundation

/// Ranks of an MPI program, through a library that was compiled against the MPI of this machine and is loaded here: the program
/// itself has no MPI in it.
public final class MPITransport: RankTransport {
    /// What `pretrain_mpi_interface` of a library for this program answers.
    static let interface: Int32 = 2

    public let rank: Int
    public let rankCount: Int
    /// Of MPI itself, such as "Open MPI v4.1.4"; the first line of what it says of itself.
    public let library: String
    private let functions: Functions

    private struct Functions: @unchecked Sendable {
        typealias Send =
            @convention(c) (UnsafeRawPointer?, Int32, Int32, Int32, UnsafeMutablePointer<Int32>) -> Int32
        typealias Receive =
            @convention(c) (UnsafeMutableRawPointer?, Int32, Int32, Int32, UnsafeMutablePointer<Int32>) -> Int32

        let send: Send
        let receive: Receive
        let test: @convention(c) (Int32, UnsafeMutablePointer<Int32>) -> Int32
        let cancel: @convention(c) (Int32) -> Int32
        let explain: @convention(c) (Int32, UnsafeMutablePointer<CChar>, Int32) -> Void
        let finish: @convention(c) () -> Int32
        let abort: @convention(c) (Int32) -> Int32
    }

    /// Loads a library and joins the other ranks.
    ///
    /// - Throws: `CommunicationError`.
    public init(libraryPath path: String, expectedRankCount: Int?) throws {
        // Its MPI loads parts of itself, which have to find it.
        guard let library = dlopen(path, RTLD_NOW | RTLD_GLOBAL) else {
            throw CommunicationError.unusableLibrary(path: path, reason: String(cString: dlerror()))
        }
        func function<Signature>(_ name: String, _: Signature.Type) throws -> Signature {
            guard let symbol = dlsym(library, "pretrain_mpi_\(name)") else {
                throw CommunicationError.unusableLibrary(path: path, reason: "it has no pretrain_mpi_\(name)")
            }
            return unsafeBitCast(symbol, to: Signature.self)
        }
        let found = try function("interface", (@convention(c) () -> Int32).self)()
        guard found == Self.interface else {
            throw CommunicationError.unusableLibrary(
                path: path,
                reason: "it was built by another version of pretrain (interface \(found), not \(Self.interface))")
        }
        functions = Functions(
            send: try function("send", Functions.Send.self),
            receive: try function("receive", Functions.Receive.self),
            test: try function("test", (@convention(c) (Int32, UnsafeMutablePointer<Int32>) -> Int32).self),
            cancel: try function("cancel", (@convention(c) (Int32) -> Int32).self),
            explain: try function(
                "explain", (@convention(c) (Int32, UnsafeMutablePointer<CChar>, Int32) -> Void).self),
            finish: try function("finish", (@convention(c) () -> Int32).self),
            abort: try function("abort", (@convention(c) (Int32) -> Int32).self))
        let start = try function(
            "start", (@convention(c) (UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>) -> Int32).self)
        let describe = try function("library", (@convention(c) (UnsafeMutablePointer<CChar>, Int32) -> Void).self)
        var (rank, count): (Int32, Int32) = (0, 0)
        let code = start(&rank, &count)
        // What MPI itself cannot do, another library for it could not either.
        if code < 0 { throw CommunicationError.failed(reason: Self.text(code, functions)) }
        guard code == 0 else {
            throw CommunicationError.unusableLibrary(path: path, reason: Self.text(code, functions))
        }
        self.rank = Int(rank)
        rankCount = Int(count)
        var text = [CChar](repeating: 0, count: 4096)
        describe(&text, Int32(text.count))
        let description = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let firstLine = description.split(whereSeparator: { $0.isNewline || $0 == "," }).first ?? ""
        self.library = firstLine.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if let expectedRankCount, expectedRankCount != rankCount {
            throw CommunicationError.otherMPI(
                library: self.library, path: path, ranks: rankCount, launched: expectedRankCount)
        }
    }

    private static func text(_ code: Int32, _ functions: Functions) -> String {
        var text = [CChar](repeating: 0, count: 1024)
        functions.explain(code, &text, Int32(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func check(_ code: Int32) throws {
        if code != 0 { throw CommunicationError.failed(reason: Self.text(code, functions)) }
    }

    public func send(_ bytes: UnsafeRawBufferPointer, to rank: Int, tag: Int) throws -> RankTransfer {
        var slot: Int32 = -1
        try check(functions.send(bytes.baseAddress, Int32(bytes.count), Int32(rank), Int32(tag), &slot))
        return RankTransfer(slot: Int(slot))
    }

    public func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int?, tag: Int) throws -> RankTransfer {
        var slot: Int32 = -1
        try check(
            functions.receive(bytes.baseAddress, Int32(bytes.count), Int32(rank ?? -1), Int32(tag), &slot))
        return RankTransfer(slot: Int(slot))
    }

    public func isDone(_ transfer: RankTransfer) throws -> Bool {
        var done: Int32 = 0
        try check(functions.test(Int32(transfer.slot), &done))
        return done != 0
    }

    public func cancel(_ transfer: RankTransfer) { _ = functions.cancel(Int32(transfer.slot)) }

    public func finish() { _ = functions.finish() }

    public func abort() { _ = functions.abort(1) }
}
