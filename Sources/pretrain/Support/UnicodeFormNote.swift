import Foundation
import Tokenization

/// Notices text in another form of Unicode than that which the vocabulary was trained on: accents as characters of their own
/// where it knows whole letters, or the other way round. To a model that is another, unusual text.
enum UnicodeFormNote {
    /// A note where another form takes clearly fewer tokens.
    static func note(_ text: [UInt8], _ tokenizer: Tokenizer) -> String? {
        let given = String(decoding: text, as: UTF8.self)
        let count = tokenizer.encode(text, parsing: .none).count
        let forms = [
            ("composed (NFC)", given.precomposedStringWithCanonicalMapping),
            ("decomposed (NFD)", given.decomposedStringWithCanonicalMapping),
        ]
        // A few letters decide nothing.
        guard count >= 8,
            let better = forms.map({ ($0.0, tokenizer.encode(Array($0.1.utf8), parsing: .none).count) })
                .min(by: { $0.1 < $1.1 }), better.1 * 5 <= count * 4
        else { return nil }
        return
            "the text takes \(count) tokens as it is and \(better.1) in \(better.0) form: the model was trained on that, and "
            + "may take this for unusual text; bring it to that form (uconv -x \(better.0.hasPrefix("c") ? "nfc" : "nfd"))"
    }
}
