/// Sizes for people, in powers of 1000: `1.3 GB`.
public enum ByteFormat {
    public static func text(_ bytes: Int) -> String {
        scaled(bytes, units: ["B", "kB", "MB", "GB", "TB", "PB", "EB"])
    }
}

/// Counts for people, in powers of 1000: `950`, `12.5 k`, `14.2 M`, `1.0 G`.
public enum CountFormat {
    public static func text(_ count: Int) -> String {
        scaled(count, units: ["", "k", "M", "G", "T", "P", "E"])
    }

    /// A number that was measured or read; what no counter can hold gives `?`.
    public static func grouped(_ value: Double) -> String {
        abs(value) < 1e18 ? grouped(Int(value)) : "?"
    }

    /// Thousands in groups: `1,234,567`.
    public static func grouped(_ count: Int) -> String {
        let digits = Array(String(count.magnitude))
        let text = digits.enumerated().reduce(into: "") { text, digit in
            if digit.offset > 0, (digits.count - digit.offset) % 3 == 0 { text += "," }
            text.append(digit.element)
        }
        return count < 0 ? "-" + text : text
    }
}

/// The number with one decimal and the largest unit that leaves at least 1 before the point.
private func scaled(_ number: Int, units: [String]) -> String {
    var unit = 0
    var divisor: UInt = 1
    // 999.95 would be shown as 1000.0.
    while unit + 1 < units.count,
        number.magnitude / divisor >= 1000
            || unit > 0 && Double(number.magnitude) / Double(divisor) >= 999.95
    {
        unit += 1
        divisor *= 1000
    }
    let sign = number < 0 ? "-" : ""
    let suffix = units[unit].isEmpty ? "" : " " + units[unit]
    guard unit > 0 else { return "\(sign)\(number.magnitude)\(suffix)" }
    let tenths = Int((Double(number.magnitude) / Double(divisor) * 10).rounded())
    return "\(sign)\(tenths / 10).\(tenths % 10)\(suffix)"
}
