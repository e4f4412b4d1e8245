import Runs

extension SessionFacts {
    /// The starts that a journal tells of.
    static func sessions(_ entries: [JournalEntry]) -> [SessionFacts] {
        entries.reduce(into: []) { sessions, entry in
            if entry.event == .started {
                sessions.append(
                    SessionFacts(started: entry.time, fromStep: entry.step, toStep: entry.step, origin: entry.origin))
                return
            }
            guard !sessions.isEmpty else { return }
            let last = sessions.count - 1
            sessions[last].toStep = max(sessions[last].toStep, entry.step)
            sessions[last].usage = entry.usage ?? sessions[last].usage
            if entry.event == .ended {
                sessions[last].ended = entry.time
                sessions[last].outcome = entry.outcome?.rawValue
                sessions[last].message = entry.message
            }
        }
    }
}

extension CostFacts {
    /// - Parameters:
    ///   - isRunning: whether the last start goes on.
    ///   - flops: of all tokens.
    init(_ sessions: [SessionFacts], seconds: Double, isRunning: Bool, flops: Double?) {
        let usages = sessions.compactMap(\.usage)
        self.seconds = seconds
        self.flops = flops
        coreHours = usages.isEmpty ? nil : usages.reduce(0) { $0 + $1.processorSeconds } / 3600
        let energies = usages.compactMap(\.energyJoules)
        kilowattHours = energies.isEmpty || energies.count < usages.count ? nil : energies.reduce(0, +) / 3.6e6
        peakMemoryBytes = usages.map(\.peakMemoryBytes).max()
        sessionsWithoutEnd = sessions.dropLast(isRunning ? 1 : 0).count { $0.ended == nil }
    }
}
