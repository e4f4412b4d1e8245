/// Reproducible random choices for tests (SplitMix64).
struct Generator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

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
