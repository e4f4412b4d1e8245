/// Ranges in words.
enum RangeText {
    static func of(_ range: ClosedRange<Int>) -> String {
        text(
            range.lowerBound == .min ? nil : "\(range.lowerBound)",
            range.upperBound == .max ? nil : "\(range.upperBound)")
    }

    static func of(_ range: ClosedRange<Double>) -> String {
        text(
            range.lowerBound <= -.greatestFiniteMagnitude ? nil : YAMLScalar.text(range.lowerBound),
            range.upperBound >= .greatestFiniteMagnitude ? nil : YAMLScalar.text(range.upperBound))
    }

    private static func text(_ lower: String?, _ upper: String?) -> String {
        switch (lower, upper) {
        case (let lower?, let upper?): "from \(lower) to \(upper)"
        case (let lower?, nil): "of at least \(lower)"
        case (nil, let upper?): "of at most \(upper)"
        case (nil, nil): "of any size"
        }
    }
}
