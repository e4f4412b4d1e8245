/// Finds the name that a mistyped one was meant to be.
enum Nearest {
    /// `did you mean x? `, or a weaker word where nothing is really close; empty where there is nothing to choose from.
    ///
    /// - Parameter elsewhere: Dotted paths of all keys, for a key that was put into the wrong group.
    static func suggestion(
        for name: String, among names: [String], elsewhere: () -> [String] = { [] }
    ) -> String {
        guard let best = best(for: name, among: names) else { return "" }
        if best.similarity >= 0.8 { return "did you mean \(best.name)? " }
        let moved = elsewhere().filter { $0 == name || $0.hasSuffix(".\(name)") }
        if !moved.isEmpty { return "did you mean \(moved.joined(separator: " or "))? " }
        return best.similarity >= 0.4 ? "did you mean \(best.name)? " : "the nearest is \(best.name). "
    }

    static func best(for name: String, among names: [String]) -> (name: String, similarity: Double)? {
        names.map { (name: $0, similarity: similarity(name, $0)) }.max { $0.similarity < $1.similarity }
    }

    /// From 0 to 1. Edit distance catches slips of the finger; but it prefers any short key to the right long one for
    /// an abbreviation, so an abbreviation (`peak_lr`) and a share of common words count too.
    static func similarity(_ given: String, _ name: String) -> Double {
        let given = Array(given.lowercased().unicodeScalars.map { $0 == "-" ? "_" : $0 })
        let name = Array(name.lowercased().unicodeScalars)
        guard !given.isEmpty, !name.isEmpty else { return 0 }
        // A slip never needs more than a few dozen characters; longer names would only cost time.
        guard given.count <= 128 else { return 0 }
        let edits = 1 - Double(distance(given, name)) / Double(max(given.count, name.count))
        let abbreviation =
            isAbbreviation(given, of: name) ? 0.6 + 0.3 * Double(given.count) / Double(name.count) : 0
        let words = (Set(given.split(separator: "_")), Set(name.split(separator: "_")))
        let common = Double(words.0.intersection(words.1).count) / Double(words.0.union(words.1).count)
        return max(edits, abbreviation, 0.8 * common)
    }

    /// Edits to turn one into the other: insertions, deletions, replacements and swaps of neighbours
    /// (optimal string alignment).
    static func distance<Element: Equatable>(_ first: [Element], _ second: [Element]) -> Int {
        guard !first.isEmpty, !second.isEmpty else { return max(first.count, second.count) }
        var beforeLast: [Int] = []
        var last = Array(0...second.count)
        for row in 1...first.count {
            var current = [row]
            for column in 1...second.count {
                let replaced = last[column - 1] + (first[row - 1] == second[column - 1] ? 0 : 1)
                var cost = min(replaced, last[column] + 1, current[column - 1] + 1)
                if row > 1, column > 1, first[row - 1] == second[column - 2], first[row - 2] == second[column - 1] {
                    cost = min(cost, beforeLast[column - 2] + 1)
                }
                current.append(cost)
            }
            (beforeLast, last) = (last, current)
        }
        return last[second.count]
    }

    /// Whether every letter of `given` occurs in order in `name` or in its last words, from the first letter on:
    /// `peak_lr` and `lr` both shorten `peak_learning_rate`.
    private static func isAbbreviation(_ given: [UnicodeScalar], of name: [UnicodeScalar]) -> Bool {
        guard given.count >= 2 else { return false }
        let wordStarts = name.indices.filter { $0 == 0 || name[$0 - 1] == "_" }
        return wordStarts.contains { start in
            guard name[start] == given[0] else { return false }
            var rest = name[start...]
            for scalar in given {
                guard let index = rest.firstIndex(of: scalar) else { return false }
                rest = rest[(index + 1)...]
            }
            return true
        }
    }
}
