import FlyingFox
import FlyingSocks
import Foundation

/// Serves a report that follows its runs. It only reads.
///
/// - `GET /`: the page; `GET /update`: what has changed of it; `GET /metrics`: for Prometheus.
public final class LiveServer: Sendable {
    /// Where to listen and who may ask.
    public struct Options: Sendable {
        /// An IPv4 address.
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

        public var isLoopback: Bool { host.hasPrefix("127.") }
    }

    private let report: LiveReport
    private let server: HTTPServer
    private let options: Options

    /// - Throws: `LiveServerError`, and what stands in the way of the first reading.
    public init(_ reader: sending ReportReader, options: Options) throws {
        guard options.isLoopback || options.token?.isEmpty == false else {
            throw LiveServerError.noToken(host: options.host)
        }
        guard let address = try? sockaddr_in.inet(ip4: options.host, port: options.port) else {
            throw LiveServerError.notAnAddress(options.host)
        }
        self.options = options
        let report = try LiveReport(reader)
        self.report = report
        server = HTTPServer(
            address: address, timeout: 60, logger: .disabled, handler: LiveHandler(report: report, options: options))
    }

    /// Serves until the task is cancelled.
    ///
    /// - Parameter listening: called with the port, once it listens.
    /// - Throws: `LiveServerError`.
    public func run(listening: @escaping @Sendable (UInt16) -> Void) async throws {
        let (server, options) = (server, options)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await server.run()
                } catch let error as SocketError {
                    throw LiveServerError.cannotListen(
                        host: options.host, port: options.port, reason: Self.reason(error))
                }
            }
            group.addTask {
                guard (try? await server.waitUntilListening()) != nil else { return }
                if case .ip4(_, let port) = await server.listeningAddress { listening(port) }
            }
            // The second task ends at once when the server could not begin.
            try await group.next()
            try await group.next()
        }
    }

    private static func reason(_ error: SocketError) -> String {
        if case .failed(_, let code, let message) = error {
            return code == EADDRINUSE ? "another program listens there; choose another --port" : message
        }
        return error.localizedDescription
    }
}

/// Answers requests.
private struct LiveHandler: HTTPHandler {
    let report: LiveReport
    let options: LiveServer.Options

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        guard isAddressed(request) else {
            return Self.refusal(.forbidden, "this page answers to localhost alone\n")
        }
        guard isAllowed(request) else {
            return Self.refusal(
                .unauthorized, "give the token that the command printed: ?token=… or Authorization: Bearer …\n")
        }
        guard request.method == .GET || request.method == .HEAD else {
            return Self.refusal(.methodNotAllowed, "this page is only read\n")
        }
        var response = try await answer(request)
        if request.method == .HEAD { response.payload = .httpBody(HTTPBodySequence(data: Data())) }
        return response
    }

    private func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
        switch request.path {
        case "/":
            let version = await report.version()
            return Self.response(
                Data(try ReportPage(version.facts).html(isLive: true).utf8), "text/html; charset=utf-8")
        case "/update":
            let version = await report.version()
            if request.headers[.ifNoneMatch] == version.tag {
                return HTTPResponse(statusCode: .notModified, headers: [.eTag: version.tag])
            }
            let update = try ReportPage.encoder.encode(ReportPage(version.facts).update)
            return Self.response(update, "application/json", [.eTag: version.tag])
        case "/metrics":
            let version = await report.version()
            return Self.response(
                Data(OpenMetrics.text(version.facts).utf8), "application/openmetrics-text; version=1.0.0; charset=utf-8"
            )
        default:
            return Self.refusal(.notFound, "there are /, /update and /metrics\n")
        }
    }

    /// A page elsewhere could have its own name lead to this machine, and read what is here; it cannot change the name that the
    /// browser sends.
    private func isAddressed(_ request: HTTPRequest) -> Bool {
        guard options.isLoopback, let host = request.headers[.host] else { return true }
        let name = host.hasPrefix("[") ? host.prefix { $0 != "]" } + "]" : host.prefix { $0 != ":" }
        return name == "localhost" || name == "[::1]"
            || name.hasPrefix("127.") && name.allSatisfy { $0.isNumber || $0 == "." }
    }

    private func isAllowed(_ request: HTTPRequest) -> Bool {
        guard let token = options.token else { return true }
        var given = request.query["token"] ?? ""
        if let header = request.headers[.authorization], header.hasPrefix("Bearer ") {
            given = String(header.dropFirst(7))
        }
        return Self.areEqual(Array(given.utf8), Array(token.utf8))
    }

    /// Takes as long whatever the place of a difference.
    private static func areEqual(_ first: [UInt8], _ second: [UInt8]) -> Bool {
        guard first.count == second.count else { return false }
        return zip(first, second).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func response(_ body: Data, _ type: String, _ more: HTTPHeaders = [:]) -> HTTPResponse {
        var headers: HTTPHeaders = [
            .contentType: type, .cacheControl: "no-store", HTTPHeader("X-Content-Type-Options"): "nosniff",
            HTTPHeader("X-Frame-Options"): "DENY", HTTPHeader("Referrer-Policy"): "no-referrer",
        ]
        for (name, value) in more { headers[name] = value }
        return HTTPResponse(statusCode: .ok, headers: headers, body: body)
    }

    private static func refusal(_ status: HTTPStatusCode, _ text: String) -> HTTPResponse {
        HTTPResponse(statusCode: status, headers: [.contentType: "text/plain; charset=utf-8"], body: Data(text.utf8))
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
            "--host \(host) is no IPv4 address; write 127.0.0.1, or 0.0.0.0 for all of this machine's"
        case .cannotListen(let host, let port, let reason): "cannot listen on \(host), port \(port): \(reason)"
        }
    }
}
