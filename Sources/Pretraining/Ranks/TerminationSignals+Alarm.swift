import Communication
import Runs

extension TerminationSignals {
    /// What an alarm of another rank means here: its signal is as good as one of our own.
    static func error(of alarm: RankAlarm) -> any Error {
        switch alarm.kind {
        case .stopped(let signal):
            note(signal)
            return CancellationError()
        case .failed(let reason), .lost(_, let reason):
            return CommunicationError.peerFailed(rank: alarm.rank, host: alarm.host, reason: reason)
        }
    }
}
