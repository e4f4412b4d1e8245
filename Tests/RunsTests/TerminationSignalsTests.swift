import Foundation
import Runs
import Testing

@Suite(.serialized) struct TerminationSignalsTests {
    @Test(arguments: TerminationSignals.Signal.allCases)
    func aSignalBecomesPending(signal: TerminationSignals.Signal) {
        TerminationSignals.install()
        TerminationSignals.reset()
        #expect(TerminationSignals.pending == nil)
        Self.send(signal.rawValue)
        #expect(TerminationSignals.pending == signal)
        #expect(TerminationSignals.pending == signal, "polling does not forget it")
        TerminationSignals.reset()
        #expect(TerminationSignals.pending == nil)
    }

    @Test func aSecondSignalEndsTheProcess() async {
        await #expect(processExitsWith: .exitCode(130)) {
            TerminationSignals.install()
            TerminationSignalsTests.send(SIGTERM)
            TerminationSignalsTests.send(SIGINT)
            sleep(5)
        }
    }

    /// Sends a signal to this process, whose main thread takes it, and waits until it has.
    static func send(_ signal: Int32) {
        kill(getpid(), signal)
        for _ in 0..<2000 where TerminationSignals.pending == nil { usleep(1000) }
    }
}
