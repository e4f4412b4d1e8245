/// Times for people: `2 h 13 min`, `4 min 05 s`, `12 s`.
public enum DurationFormat {
    /// - Parameter seconds: Anything; what is not a finite time of at least 0 gives `?`.
    public static func text(_ seconds: Double) -> String {
        guard seconds >= 0, seconds < 1e15 else { return "?" }
        if seconds < 1 { return seconds == 0 ? "0 s" : "< 1 s" }
        let whole = Int(seconds.rounded())
        let (days, hours, minutes, rest) = (whole / 86400, whole / 3600 % 24, whole / 60 % 60, whole % 60)
        if days > 0 { return "\(days) d \(hours) h" }
        if hours > 0 { return "\(hours) h \(padded(minutes)) min" }
        if minutes > 0 { return "\(minutes) min \(padded(rest)) s" }
        return "\(rest) s"
    }

    /// In the largest unit alone: `2.2 h`, `14 min`, `12 s`.
    public static func brief(_ seconds: Double) -> String {
        guard seconds >= 0, seconds < 1e15 else { return "?" }
        func tenths(_ value: Double, _ unit: String) -> String {
            let tenths = Int((value * 10).rounded())
            return tenths % 10 == 0 || tenths >= 100
                ? "\(Int(value.rounded())) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
        }
        // What rounds to a full unit is shown as one.
        if seconds < 59.5 { return "\(Int(seconds.rounded())) s" }
        if seconds < 59.5 * 60 { return "\(Int((seconds / 60).rounded())) min" }
        if seconds < 23.95 * 3600 { return tenths(seconds / 3600, "h") }
        return tenths(seconds / 86400, "d")
    }

    private static func padded(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
