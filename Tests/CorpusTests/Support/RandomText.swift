import TestSupport

/// Random text.
extension SplitMix64 {
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &self)]
    }

    /// A word of a few letters, some of them outside ASCII.
    mutating func word() -> String {
        let letters = pick([Array("abcdefgh"), Array("mnopq"), Array("äöüß"), Array("пдж"), Array("漢字語"), Array("🙂🌍")])
        return String((0..<Int.random(in: 1...8, using: &self)).map { _ in pick(letters) })
    }

    /// Words of `count` bytes or a little more, with a number at the front that makes the document unique.
    mutating func document(_ number: Int, bytes count: Int) -> String {
        var text = "#\(number)"
        while text.utf8.count < count { text += (Int.random(in: 0..<9, using: &self) == 0 ? "\n" : " ") + word() }
        return text
    }
}
