import Foundation
import NIOHTTP1

/// What requests get.
struct LiveAnswers: Sendable {
    struct Answer: Sendable {
        var status: HTTPResponseStatus
        var headers: [(String, String)]
        var body = Data()
    }

    let report: LiveReport
    let options: LiveServer.Options

    func answer(_ request: HTTPRequestHead) async -> Answer {
        guard isAddressed(request) else { return Self.refusal(.forbidden, "this page answers to localhost alone\n") }
        guard let address = URLComponents(string: request.uri) else {
            return Self.refusal(.badRequest, "this is no address\n")
        }
        guard isAllowed(request, address) else {
            return Self.refusal(
                .unauthorized, "give the token that the command printed: ?token=… or Authorization: Bearer …\n")
        }
        guard request.method == .GET || request.method == .HEAD else {
            return Self.refusal(.methodNotAllowed, "this page is only read\n")
        }
        do {
            return try await content(address.path, request)
        } catch {
            return Self.refusal(.internalServerError, "\(error)\n")
        }
    }

    private func content(_ path: String, _ request: HTTPRequestHead) async throws -> Answer {
        switch path {
        case "/":
            let page = try ReportPage(await report.version().facts).html(isLive: true)
            return Self.found(Data(page.utf8), "text/html; charset=utf-8")
        case "/update":
            let version = await report.version()
            if request.headers.first(name: "If-None-Match") == version.tag {
                return Answer(status: .notModified, headers: [("ETag", version.tag)])
            }
            var answer = Self.found(
                try ReportPage.encoder.encode(ReportPage(version.facts).update), "application/json")
            answer.headers.append(("ETag", version.tag))
            return answer
        case "/metrics":
            return Self.found(
                Data(OpenMetrics.text(await report.version().facts).utf8),
                "application/openmetrics-text; version=1.0.0; charset=utf-8")
        default:
            return Self.refusal(.notFound, "there are /, /update and /metrics\n")
        }
    }

    /// A page elsewhere could have its own name lead to this machine, and read what is here; it cannot change the name that the
    /// browser sends.
    private func isAddressed(_ request: HTTPRequestHead) -> Bool {
        guard options.isLoopback, let host = request.headers.first(name: "Host") else { return true }
        let name = host.hasPrefix("[") ? host.prefix { $0 != "]" } + "]" : host.prefix { $0 != ":" }
        return name == "localhost" || name == "[::1]"
            || name.hasPrefix("127.") && name.allSatisfy { $0.isNumber || $0 == "." }
    }

    private func isAllowed(_ request: HTTPRequestHead, _ address: URLComponents) -> Bool {
        guard let token = options.token else { return true }
        var given = address.queryItems?.first { $0.name == "token" }?.value ?? ""
        if let header = request.headers.first(name: "Authorization"), header.hasPrefix("Bearer ") {
            given = String(header.dropFirst(7))
        }
        return Self.areEqual(Array(given.utf8), Array(token.utf8))
    }

    /// Takes as long whatever the place of a difference.
    private static func areEqual(_ first: [UInt8], _ second: [UInt8]) -> Bool {
        guard first.count == second.count else { return false }
        return zip(first, second).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func found(_ body: Data, _ type: String) -> Answer {
        Answer(
            status: .ok,
            headers: [
                ("Content-Type", type), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
                ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"),
            ], body: body)
    }

    private static func refusal(_ status: HTTPResponseStatus, _ text: String) -> Answer {
        Answer(status: status, headers: [("Content-Type", "text/plain; charset=utf-8")], body: Data(text.utf8))
    }
}
