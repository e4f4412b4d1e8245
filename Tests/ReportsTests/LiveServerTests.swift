import Foundation
import FoundationNetworking
import Reports
import TestSupport
import Testing

/// A server that answers while a test asks.
struct Served: Sendable {
    let port: UInt16

    static func during<Result: Sendable>(
        _ server: LiveServer, _ body: @escaping @Sendable (Served) async throws -> Result
    ) async throws -> Result {
        let (ports, found) = AsyncStream<UInt16>.makeStream()
        let serving = Task { try await server.run { found.yield($0) } }
        defer { serving.cancel() }
        for await port in ports { return try await body(Served(port: port)) }
        throw CancellationError()
    }

    func get(
        _ path: String, method: String = "GET", headers: [String: String] = [:]
    ) async throws -> (status: Int, headers: [String: String], body: Data) {
        var request = URLRequest(url: URL(string: "http://127.0.0.1:\(port)/\(path)")!)
        request.httpMethod = method
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await URLSession.shared.data(for: request)
        let answer = try #require(response as? HTTPURLResponse)
        let names = answer.allHeaderFields.map {
            (String(describing: $0.key).lowercased(), String(describing: $0.value))
        }
        return (answer.statusCode, Dictionary(names, uniquingKeysWith: { first, _ in first }), data)
    }

    func text(_ path: String) async throws -> String { String(decoding: try await get(path).body, as: UTF8.self) }
}

@Suite struct LiveServerTests {
    @Test func newStepsArrive() async throws {
        let recorded = try RecordedRun(ends: false)
        let server = try LiveServer(try recorded.reader(), options: .init(port: 0))
        try await Served.during(server) { served in
            let page = try await served.text("")
            #expect(page.contains("data-live=\"update\"") && page.contains("connect-src"))
            // On a busy machine the run may have come to look idle between two requests, which is news too.
            var tag = ""
            var status = 0
            for _ in 0..<10 where status != 304 {
                tag = try #require(try await served.get("update").headers["etag"])
                status = try await served.get("update", headers: ["If-None-Match": tag]).status
            }
            #expect(status == 304)
            try recorded.append(RecordedRun.metrics(41...41))
            try await Task.sleep(for: .milliseconds(1200))
            let second = try await served.get("update", headers: ["If-None-Match": tag])
            #expect(second.status == 200 && second.headers["etag"] != tag)
            let update = try #require(try JSONSerialization.jsonObject(with: second.body) as? [String: Any])
            let sections = try #require(update["sections"] as? [String: String])
            #expect((update["navigation"] as? String)?.contains("<a href=\"#alarms\">Alarms (2)</a>") == true)
            #expect(sections["overview"]?.contains("<p class=\"figure\">410</p>") == true)
            // A run that goes back to a checkpoint cuts its log.
            try recorded.folder.write(RecordedRun.metrics(1...20), to: "run/metrics.jsonl")
            try await Task.sleep(for: .milliseconds(1200))
            let third = try await served.text("update")
            #expect(third.contains("<p class=\\\"figure\\\">200</p>"))
            // And one that is being set up anew has none for a moment.
            try recorded.folder.remove("run")
            try await Task.sleep(for: .milliseconds(1200))
            #expect(try await served.get("update").status == 200)
        }
    }

    @Test func onlyThoseWhoMayAreAnswered() async throws {
        let recorded = try RecordedRun()
        let open = try LiveServer(try recorded.reader(), options: .init(port: 0))
        try await Served.during(open) { (served: Served) async throws -> Void in
            #expect(try await served.get("").status == 200)
            #expect(try await served.get("", headers: ["Host": "evil.example"]).status == 403)
            #expect(try await served.get("", method: "POST").status == 405)
            #expect(try await served.get("config.yaml").status == 404)
            #expect(try await served.get("..%2f..%2fetc/passwd").status == 404)
        }
        let closed = try LiveServer(try recorded.reader(), options: .init(port: 0, token: "secret"))
        try await Served.during(closed) { (served: Served) async throws -> Void in
            for path in ["", "update", "metrics", "?token=secre", "?token="] {
                #expect(try await served.get(path).status == 401, "\(path)")
            }
            #expect(try await served.get("?token=secret").status == 200)
            #expect(try await served.get("metrics", headers: ["Authorization": "Bearer secret"]).status == 200)
        }
        #expect(throws: LiveServerError.noToken(host: "0.0.0.0")) {
            _ = try LiveServer(try recorded.reader(), options: .init(host: "0.0.0.0"))
        }
    }

    @Test("An address that is shown is one that is answered") func addresses() async throws {
        let recorded = try RecordedRun()
        let options = LiveServer.Options(port: 0, token: "a b&c#d+e%20é/?")
        try await Served.during(try LiveServer(try recorded.reader(), options: options)) {
            (served: Served) async throws -> Void in
            let address = options.address(name: "machine", port: served.port)
            #expect(address == "http://127.0.0.1:\(served.port)/?token=a%20b%26c%23d%2Be%2520%C3%A9%2F%3F")
            let path = try #require(address.split(separator: "/", maxSplits: 3).last)
            #expect(try await served.get(String(path)).status == 200)
        }
        let open = LiveServer.Options(host: "::1")
        #expect(open.address(name: "machine", port: 80) == "http://[::1]:80/")
        let others = LiveServer.Options(host: "0.0.0.0", token: "t")
        #expect(others.address(name: "machine", port: 80) == "http://machine:80/?token=t")
    }

    @Test func aTakenPortIsNamed() async throws {
        let recorded = try RecordedRun()
        let first = try LiveServer(try recorded.reader(), options: .init(port: 0))
        try await Served.during(first) { (served: Served) async throws -> Void in
            let second = try LiveServer(try recorded.reader(), options: .init(port: served.port))
            await #expect(throws: LiveServerError.self) { try await second.run { _ in } }
        }
    }
}
