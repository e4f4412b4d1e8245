/// A set of scalars, as a class in brackets or an escape names it.
struct ScalarSet: Sendable {
    var ranges: [ClosedRange<UInt32>] = []
    /// Scalars with any of these classes belong.
    var classes: CharacterClass = []
    /// Scalars with none of these classes belong (`\S`, `\P{L}`), for each entry.
    var complements: [CharacterClass] = []
    var nested: [ScalarSet] = []
    var isNegated = false
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    init() {}

    init(_ scalars: some Sequence<UInt32>) { ranges = scalars.map { $0...$0 } }

    /// Computes the answers for ASCII; call once all parts are known.
    mutating func finish() {
        low = 0
        high = 0
        for scalar in UInt32(0)..<64 where evaluate(scalar, .shared) { low |= 1 << UInt64(scalar) }
        for scalar in UInt32(64)..<128 where evaluate(scalar, .shared) { high |= 1 << UInt64(scalar - 64) }
    }

    @inline(__always)
    func contains(_ scalar: UInt32, _ table: CharacterTable) -> Bool {
        if scalar < 64 { return low &>> UInt64(scalar) & 1 != 0 }
        if scalar < 128 { return high &>> UInt64(scalar &- 64) & 1 != 0 }
        return evaluate(scalar, table)
    }

    private func evaluate(_ scalar: UInt32, _ table: CharacterTable) -> Bool {
        let known = table[scalar]
        let inside =
            !classes.isDisjoint(with: known) || ranges.contains { $0.contains(scalar) }
            || complements.contains { $0.isDisjoint(with: known) } || nested.contains { $0.evaluate(scalar, table) }
        return inside != isNegated
    }
}
