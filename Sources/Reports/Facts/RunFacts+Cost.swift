import Formatting
import Foundation

extension RunFacts {
    /// What the run has used, and the machine that it ran on last: names and values, for pages and cards.
    public var costRows: [(name: String, value: String)] {
        var rows = [
            (
                "time",
                DurationFormat.text(cost.seconds)
                    + (progress.secondsAreEstimated ? " of steps, from tokens and speeds" : "")
            )
        ]
        if let hours = cost.coreHours { rows.append(("processor time", "\(String(format: "%.2f", hours)) core-hours")) }
        rows.append(
            (
                "energy",
                cost.kilowattHours.map {
                    "\(String(format: "%.2f", $0)) kWh of the machine's processors (RAPL), whatever else ran"
                } ?? "the system does not tell"
            ))
        if let flops = cost.flops {
            rows.append(("operations", "\(String(format: "%.3g", flops)) in forward and backward passes"))
        }
        if let memory = cost.peakMemoryBytes { rows.append(("peak memory", ByteFormat.text(memory))) }
        return rows
    }
}
