/// The largest difference, relative to the largest expected magnitude; infinite where counts differ or a value is not a
/// number, and absolute where nothing but zeros is expected.
public func relativeError(_ actual: [Double], _ expected: [Double]) -> Double {
    guard actual.count == expected.count else { return .infinity }
    let scale = expected.reduce(0) { max($0, abs($1)) }
    let worst = zip(actual, expected).reduce(0) { worst, pair in
        let difference = abs(pair.0 - pair.1)
        return difference.isNaN ? .infinity : max(worst, difference)
    }
    return scale > 0 ? worst / scale : worst
}
