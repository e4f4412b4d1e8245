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

    private static func padded(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
