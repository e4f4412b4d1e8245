import Atomics
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// Serves a report that follows its runs. It only reads.
///
/// - `GET /`: the page; `GET /update`: what has changed of it; `GET /metrics`: for Prometheus.
public final class LiveServer: Sendable {
    /// Where to listen and who may ask.
    public struct Options: Sendable {
        /// An IP address.
        public var host: String
        /// 0 for any that is free.
        public var port: UInt16
        /// Asked for in every request; nil for none, on loopback alone.
        public var token: String?

        public init(host: String = "127.0.0.1", port: UInt16 = 6680, token: String? = nil) {
            self.host = host
            self.port = port
            self.token = token
        }

        /// The page's address.
        ///
        /// - Parameters:
        ///   - name: of this machine, as others know it.
        ///   - port: on which the server listens.
        public func address(name: String, port: UInt16) -> String {
            let shown = host == "0.0.0.0" ? name : host.contains(":") ? "[\(host)]" : host
            // All but letters, digits and marks that stand for nothing else, so that it is read as it was given.
            let unreserved = CharacterSet(
                charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
            let query = token.map { "?token=\($0.addingPercentEncoding(withAllowedCharacters: unreserved) ?? $0)" }
            return "http://\(shown):\(port)/\(query ?? "")"
        }

        public var isLoopback: Bool { host.hasPrefix("127.") || host == "::1" }
    }

    private let answers: LiveAnswers
    private let options: Options
    private let address: SocketAddress
    /// After which a connection without a word is closed.
    private static let idleTime = TimeAmount.seconds(60)
    /// Further ones are closed at once: a process has a limited number of descriptors, and its runs need some.
    private static let mostConnections = 256

    /// - Throws: `LiveServerError`, and what stands in the way of the first reading.
    public init(_ reader: sending ReportReader, options: Options) throws {
        guard options.isLoopback || options.token?.isEmpty == false else {
            throw LiveServerError.noToken(host: options.host)
        }
        guard let address = try? SocketAddress(ipAddress: options.host, port: Int(options.port)) else {
            throw LiveServerError.notAnAddress(options.host)
        }
        self.address = address
        self.options = options
        answers = LiveAnswers(report: try LiveReport(reader), options: options)
    }

    /// Serves until the task is cancelled.
    ///
    /// - Parameter listening: called with the port, once it listens.
    /// - Throws: `LiveServerError`.
    public func run(listening: @escaping @Sendable (UInt16) -> Void) async throws {
        let server: NIOAsyncChannel<NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>, Never>
        do {
            server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(FailedConnections())
                    }
                }
                .bind(to: address) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                        try channel.pipeline.syncOperations.addHandler(IdleStateHandler(allTimeout: Self.idleTime))
                        try channel.pipeline.syncOperations.addHandler(IdleConnections())
                        return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                    }
                }
        } catch let error as IOError {
            let reason =
                error.errnoCode == EADDRINUSE
                ? "another program listens there; choose another --port" : String(cString: strerror(error.errnoCode))
            throw LiveServerError.cannotListen(host: options.host, port: options.port, reason: reason)
        }
        listening(UInt16(clamping: server.channel.localAddress?.port ?? 0))
        let open = ManagedAtomic<Int>(0)
        try await withThrowingDiscardingTaskGroup { group in
            try await server.executeThenClose { clients in
                for try await client in clients {
                    let isTooMany = open.wrappingIncrementThenLoad(ordering: .relaxed) > Self.mostConnections
                    // A connection that breaks is no matter of the others.
                    group.addTask { [answers] in
                        defer { open.wrappingDecrement(ordering: .relaxed) }
                        if isTooMany {
                            _ = try? await client.executeThenClose { _, _ in }
                            return
                        }
                        try? await Self.serve(client, answers)
                    }
                }
            }
        }
    }

    private static func serve(
        _ client: NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>, _ answers: LiveAnswers
    ) async throws {
        try await client.executeThenClose { inbound, outbound in
            var asked: HTTPRequestHead?
            for try await part in inbound {
                switch part {
                case .head(let head): asked = head
                // Nothing that is sent here is read.
                case .body: break
                case .end:
                    guard let head = asked else { return }
                    let answer = await answers.answer(head)
                    var headers = HTTPHeaders(answer.headers)
                    if answer.status != .notModified {
                        headers.add(name: "Content-Length", value: "\(answer.body.count)")
                    }
                    if !head.isKeepAlive { headers.add(name: "Connection", value: "close") }
                    try await outbound.write(
                        .head(HTTPResponseHead(version: head.version, status: answer.status, headers: headers)))
                    if head.method != .HEAD, !answer.body.isEmpty {
                        try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: answer.body))))
                    }
                    try await outbound.write(.end(nil))
                    if !head.isKeepAlive { return }
                }
            }
        }
    }
}

/// Connections that break before they are there, or for which there is no descriptor, are no end of the server.
private final class FailedConnections: ChannelInboundHandler, Sendable {
    typealias InboundIn = Channel

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let passing = [EMFILE, ENFILE, ECONNABORTED, ENOBUFS, ENOMEM]
        if let error = error as? IOError, passing.contains(error.errnoCode) { return }
        context.fireErrorCaught(error)
    }
}

/// Closes connections on which nothing happens.
private final class IdleConnections: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}

public enum LiveServerError: Error, Equatable, CustomStringConvertible {
    case noToken(host: String)
    case notAnAddress(String)
    case cannotListen(host: String, port: UInt16, reason: String)

    public var description: String {
        switch self {
        case .noToken(let host): "--host \(host) can be reached by others: give a token"
        case .notAnAddress(let host):
            "--host \(host) is no IP address; write 127.0.0.1, or 0.0.0.0 for all of this machine's"
        case .cannotListen(let host, let port, let reason): "cannot listen on \(host), port \(port): \(reason)"
        }
    }
}
