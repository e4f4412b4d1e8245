import Foundation
import TestSupport
import Testing

/// A headless Chromium that does as the DevTools protocol says, through a pipe.
final class Browser {
    /// nil where none is installed.
    static let path = ["chromium", "chromium-browser", "google-chrome"].lazy
        .flatMap { name in
            (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
        }
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    private let folder: TemporaryFolder
    private let process = Process()
    private let commands: FileHandle
    private let answers: FileHandle
    private var pending = Data()
    private var number = 0
    private var session: String?

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    init(width: Int = 1280) throws {
        guard let path = Self.path else { throw Failure(description: "no browser") }
        folder = try TemporaryFolder()
        let (input, output) = (folder("in"), folder("out"))
        guard mkfifo(input, 0o600) == 0, mkfifo(output, 0o600) == 0 else { throw Failure(description: "no pipe") }
        // Opened for both ways, neither end waits for the other.
        commands = FileHandle(fileDescriptor: Foundation.open(input, O_RDWR | O_CLOEXEC), closeOnDealloc: true)
        answers = FileHandle(fileDescriptor: Foundation.open(output, O_RDWR | O_CLOEXEC), closeOnDealloc: true)
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [
            "-c",
            #"exec "$0" --headless --no-sandbox --disable-gpu --user-data-dir="$3/profile" --window-size="$4",900 "#
                + #"--remote-debugging-pipe about:blank 3<"$1" 4>"$2""#, path, input, output, folder.path, "\(width)",
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let target = try #require(try send("Target.createTarget", ["url": "about:blank"])["targetId"] as? String)
        session = try send("Target.attachToTarget", ["targetId": target, "flatten": true])["sessionId"] as? String
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }

    func open(_ address: String) throws {
        _ = try send("Page.navigate", ["url": address])
        try wait(for: "document.readyState === 'complete' && location.href !== 'about:blank'")
    }

    /// What an expression comes to, as JSON has it.
    @discardableResult
    func evaluate(_ expression: String) throws -> Any? {
        let answer = try send("Runtime.evaluate", ["expression": expression, "returnByValue": true])
        if let exception = answer["exceptionDetails"] { throw Failure(description: "\(expression): \(exception)") }
        return (answer["result"] as? [String: Any])?["value"]
    }

    func wait(for condition: String, seconds: Double = 60) throws {
        let deadline = Date(timeIntervalSinceNow: seconds)
        var last: Failure?
        while Date() < deadline {
            // A page that is being loaded has not all that a condition asks of it.
            do {
                if try evaluate(condition) as? Bool == true { return }
            } catch let failure as Failure { last = failure }
            Thread.sleep(forTimeInterval: 0.1)
        }
        throw Failure(description: "never came true: \(condition)\(last.map { ", \($0)" } ?? "")")
    }

    private func send(_ method: String, _ parameters: [String: Any]) throws -> [String: Any] {
        number += 1
        var message: [String: Any] = ["id": number, "method": method, "params": parameters]
        message["sessionId"] = session
        try commands.write(contentsOf: try JSONSerialization.data(withJSONObject: message) + [0])
        while true {
            while let end = pending.firstIndex(of: 0) {
                let answer = try JSONSerialization.jsonObject(with: pending[pending.startIndex..<end]) as? [String: Any]
                pending = Data(pending[(end + 1)...])
                guard answer?["id"] as? Int == number else { continue }
                if let error = answer?["error"] { throw Failure(description: "\(method): \(error)") }
                return answer?["result"] as? [String: Any] ?? [:]
            }
            var ready = pollfd(fd: answers.fileDescriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 60_000) > 0 else { throw Failure(description: "\(method): no answer in a minute") }
            pending += answers.availableData
        }
    }
}
