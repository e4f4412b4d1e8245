import Foundation
import Kernels

/// Text for measurements that must not depend on anybody's files: made-up words, as often as words are (Zipf's law), in
/// sentences and documents. A function of its arguments.
package enum MadeUpText {
    /// Different words, the rarest of which hardly occur.
    private static let words = 40_000

    /// - Parameter count: the text ends with the first document that reaches it.
    package static func bytes(count: Int, seed: UInt64) -> [UInt8] {
        let random = Philox(seed: seed, purpose: .masking)
        var drawn = 0
        func draw() -> Double {
            drawn += 1
            return random.uniform(step: drawn >> 30, position: drawn & (1 << 30 - 1))
        }
        func draw(below bound: Int) -> Int { min(Int(draw() * Double(bound)), bound - 1) }
        let onsets = [
            "", "b", "br", "c", "ch", "d", "f", "g", "h", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "th", "w",
        ]
        let vowels = ["a", "e", "e", "i", "o", "u", "ea", "ou"]
        let codas = ["", "", "n", "r", "s", "t", "nd", "ll", "ng", "ck"]
        let lexicon = (0..<words).map { rank in
            // Frequent words are short.
            let syllables = 1 + draw(below: rank < 200 ? 2 : 4)
            let text = (0..<syllables).map { _ in
                onsets[draw(below: onsets.count)] + vowels[draw(below: vowels.count)] + codas[draw(below: codas.count)]
            }
            return Array(text.joined().utf8)
        }
        var text: [UInt8] = []
        text.reserveCapacity(count + 4096)
        while text.count < count {
            for _ in 0..<(3 + draw(below: 30)) {
                let length = 4 + draw(below: 20)
                for position in 0..<length {
                    // The rank whose logarithm is uniform: the density falls like one over the rank.
                    let rank = min(words - 1, Int(exp(draw() * log(Double(words)))))
                    if position > 0 { text.append(UInt8(ascii: " ")) }
                    let start = text.count
                    text.append(contentsOf: lexicon[rank])
                    if position == 0 { text[start] &= 0xDF }
                    if position < length - 1, draw(below: 12) == 0 { text.append(UInt8(ascii: ",")) }
                }
                text.append(UInt8(ascii: "."))
                text.append(UInt8(ascii: " "))
            }
            text[text.count - 1] = UInt8(ascii: "\n")
            text.append(UInt8(ascii: "\n"))
        }
        return text
    }
}
