import Foundation
import Runs
import Testing

/// In processes of their own, as a signal would end what other tests are doing here.
@Suite struct TerminationSignalsTests {
    @Test func aSignalBecomesPending() async {
        await #expect(processExitsWith: .success) {
            TerminationSignals.install()
            for signal in TerminationSignals.Signal.allCases {
                TerminationSignals.reset()
                #expect(TerminationSignals.pending == nil)
                TerminationSignalsTests.send(signal.rawValue)
                #expect(TerminationSignals.pending == signal)
                #expect(TerminationSignals.pending == signal, "polling does not forget it")
            }
            TerminationSignals.reset()
            #expect(TerminationSignals.pending == nil)
        }
    }

    @Test func aSecondSignalEndsTheProcess() async {
        await #expect(processExitsWith: .exitCode(130)) {
            TerminationSignals.install()
            TerminationSignalsTests.send(SIGTERM)
            TerminationSignalsTests.send(SIGINT)
            sleep(5)
        }
    }

    /// Sends a signal to this process, and waits until it is there.
    static func send(_ signal: Int32) {
        kill(getpid(), signal)
        for _ in 0..<2000 where TerminationSignals.pending == nil { usleep(1000) }
    }
}
