import ArgumentParser
import Foundation
import Reports

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Shows the page of `report` in a browser and keeps it up to date while runs go on.",
        discussion: """
            Follows the runs' directories, also those of runs on other hosts over a shared disk, through interruptions and new \
            starts; it only reads. /metrics has the figures as OpenMetrics, for Prometheus.

              pretrain watch checkpoints/mine                     http://127.0.0.1:6680/
              pretrain watch checkpoints/a checkpoints/b --port 8000
              pretrain watch checkpoints/mine --host 0.0.0.0      for others, who need the token that is printed

            Without --host nobody but this machine is answered. The connection is not encrypted: over a network that others \
            read, tunnel it (ssh -L 6680:localhost:6680 HOST).
            """)

    @OptionGroup var reading: ReportReading
    @Option(help: "Port to listen on; 0: any that is free.")
    var port: UInt16 = 6680
    @Option(help: ArgumentHelp("IP address to listen on; 0.0.0.0: all of this machine's.", valueName: "address"))
    var host = "127.0.0.1"
    @Option(
        help: ArgumentHelp(
            "What requests have to know: ?token=…, or a header Authorization: Bearer …. Default: none on loopback, otherwise one "
                + "that is made up and printed.", valueName: "text"))
    var token: String?

    func validate() throws {
        if token?.isEmpty == true {
            throw ValidationError(
                "--token is empty; leave it out: only --host other than loopback needs one, which is made up")
        }
    }

    func run() async throws {
        var options = LiveServer.Options(host: host, port: port, token: token)
        if options.token == nil, !options.isLoopback { options.token = Self.madeUp() }
        // A browser that goes away is nothing to end for.
        signal(SIGPIPE, SIG_IGN)
        let server = try LiveServer(try reading.reader(evaluates: false), options: options)
        let shownOptions = options
        try await server.run { port in
            Terminal.note(shownOptions.address(name: ProcessInfo.processInfo.hostName, port: port))
            Terminal.note("Ctrl-C ends it; the run does not mind")
        }
    }

    /// 128 bits.
    private static func madeUp() -> String {
        (0..<4).map { _ in String(UInt32.random(in: .min ... .max), radix: 36) }.joined()
    }
}
